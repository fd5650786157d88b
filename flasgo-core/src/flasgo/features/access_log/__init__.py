"""One line in the log for each request."""
