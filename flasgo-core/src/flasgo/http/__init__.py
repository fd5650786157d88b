"""The vocabulary of HTTP, from header lists to byte ranges; nothing here knows an app."""
