"""Settings: what exists, what was configured, and what core itself reads."""
