"""What goes out: responses, streams, files and pages."""
