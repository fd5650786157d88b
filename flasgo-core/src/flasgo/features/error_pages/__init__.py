"""What clients and developers are told when something went wrong."""
