"""`DATABASE_URL`: which driver it means, and what may be wrong with it."""

from __future__ import annotations

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

__all__ = ["async_url", "url_fault"]

_DRIVERS = {
    "mariadb": "mariadb+asyncmy",
    "mysql": "mysql+asyncmy",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "sqlite": "sqlite+aiosqlite",
}
"""The async driver of a URL that names none."""


def async_url(text: str) -> URL:
    """Return the URL of a database, with an async driver where it names no driver.

    Args:
        text: The URL, such as `postgresql://user:password@host/name`.
    """
    url = make_url(text)
    return url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))


def url_fault(value: object) -> str | None:
    """Return what is wrong with a URL, without repeating it: it may have a password in it."""
    if not value:
        return None
    try:
        async_url(str(value))
    except (ArgumentError, ValueError):
        return "it is a URL such as sqlite:///shop.db or postgresql://user:password@host/name"
    return None
