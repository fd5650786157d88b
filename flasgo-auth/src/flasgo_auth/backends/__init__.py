"""Authentication backends: who a request is from."""
