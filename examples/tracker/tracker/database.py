"""The database."""

from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """The base of all tables."""
