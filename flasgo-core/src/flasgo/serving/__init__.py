"""From a target on the command line to a running server."""
