"""Identifiers of requests, for logs and for the proxies in front."""
