"""The life of a request: what is compiled at registration, and what runs it."""
