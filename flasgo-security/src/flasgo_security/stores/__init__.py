"""Servers that keep sessions and quotas for many processes: connections, and what to do without."""
