"""Sessions, in signed cookies or on a server, and the messages kept in them."""
