"""The addresses at which operators ask whether an app lives, and whether it can serve."""
