"""Connections to Redis and Valkey: bounded in number and time, opened when first needed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from importlib import import_module
from typing import Any, Protocol

from flasgo import ConfigurationError

__all__ = ["ConnectionPool", "RedisPool"]

_MOST_CONNECTIONS = 16  # per process; each answers thousands of questions a second
_UNIX_SCHEMES = {"redis+unix": "unix", "valkey+unix": "unix"}
_ERRORS = {"redis": "RedisError", "valkey": "ValkeyError"}
_REFUSALS = ("OutOfMemoryError", "ReadOnlyError", "NoPermissionError")


class ConnectionPool(Protocol):
    """What the pools of redis and valkey have in common, as far as it is used here."""

    def disconnect(self, inuse_connections: bool = True) -> Awaitable[None]:
        """Close all connections."""
        ...


class RedisPool:
    """A pool of connections to one server.

    A request that finds all of them in use waits for one, within the same bound as for an
    answer. A connection that broke while it was idle, as after a restart of the server, is opened
    anew once.

    Args:
        setting: The setting that holds the URI, for error messages.
        uri: `redis://`, `rediss://`, `redis+unix://`, or the same with `valkey`.
            SECURITY: it may hold a password and never gets into a message.
        timeout: Seconds for connecting, and for an answer.

    Raises:
        ConfigurationError: When the client library is missing, or the URI is malformed.
    """

    def __init__(self, setting: str, uri: str, timeout: float) -> None:
        scheme, _, rest = uri.partition("://")
        self.family = "valkey" if scheme.startswith("valkey") else "redis"
        self._module = _client_module(self.family, setting)
        self._uri = f"{_UNIX_SCHEMES.get(scheme, scheme)}://{rest}"
        self._setting = setting
        self._timeout = timeout
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pool = self._open()

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What the client raises when the server fails it."""
        return (getattr(import_module(f"{self.family}.exceptions"), _ERRORS[self.family]),)

    @property
    def refusals(self) -> tuple[type[Exception], ...]:
        """What it raises when the server answers, but does not do what it was told to."""
        module = import_module(f"{self.family}.exceptions")
        return tuple(getattr(module, name) for name in _REFUSALS)

    def connections(self) -> ConnectionPool:
        """Return the pool of the running event loop.

        Connections belong to one loop: an app that is served by another one gets a new pool.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None:
                self._pool = self._open()
            self._loop = loop
        return self._pool

    # Any: the class differs between redis and valkey, and with the version of either.
    def client(self) -> Any:
        """Return a client on the running loop's pool; it costs next to nothing."""
        name = "Valkey" if self.family == "valkey" else "Redis"
        return getattr(self._module, name)(connection_pool=self.connections())

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        if self._loop is asyncio.get_running_loop():
            await self._pool.disconnect()

    def _open(self) -> ConnectionPool:
        retry = import_module(f"{self.family}.asyncio.retry").Retry
        no_pause = import_module(f"{self.family}.backoff").NoBackoff
        try:
            return self._module.BlockingConnectionPool.from_url(
                self._uri,
                max_connections=_MOST_CONNECTIONS,
                timeout=self._timeout,
                socket_timeout=self._timeout,
                socket_connect_timeout=self._timeout,
                retry=retry(no_pause(), 1),
            )
        except ValueError:
            # Not chained: the client's message may repeat the URI, password and all.
            raise ConfigurationError(
                f"{self._setting} is not a URI of {self.family}; write "
                f"'{self.family}://host:6379/0', with 'user:password@' before the host if need be."
            ) from None


# Any: a module.
def _client_module(family: str, setting: str) -> Any:
    try:
        return import_module(f"{family}.asyncio")
    except ImportError as error:
        raise ConfigurationError(
            f"{setting} names a {family} server, and the package {family!r} is not installed. "
            f"Install it with: pip install 'flasgo-security[{family}]'."
        ) from error
