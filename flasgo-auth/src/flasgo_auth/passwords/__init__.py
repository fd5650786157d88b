"""Passwords: how they are hashed, and where the work is done."""
