"""Looks names up, off the event loop and in bounded time."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError as FutureTimeoutError

__all__ = ["Lookup", "Resolver", "system_resolver"]

Resolver = Callable[[str, int], Sequence[str]]
"""Given a host and a port, returns the host's addresses; raises OSError when there are none."""

# However many names are slow, they keep no more threads than these.
_THREADS = 8


def system_resolver(host: str, port: int) -> list[str]:
    """Return the addresses of a host as the operating system resolves it.

    Args:
        host: The name.
        port: The port, which some systems look at.

    Raises:
        OSError: When there are none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # getaddrinfo's third field of an IPv6 result is its scope, which an address does not need.
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Lookup:
    """Calls a resolver in threads of its own.

    A name that is slow occupies a thread until the resolver gives up; when all of them are
    occupied, further names wait, and run out of time: nothing is fetched unchecked.

    Args:
        resolver: The resolver.
        timeout: How long an answer may take, in seconds.
    """

    def __init__(self, resolver: Resolver, timeout: float) -> None:
        self._resolver = resolver
        self._timeout = timeout
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    def __call__(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of a host.

        Raises:
            OSError: When there are none, or the answer takes too long (TimeoutError).
        """
        future = self._submit(host, port)
        try:
            return future.result(self._timeout)
        except FutureTimeoutError:
            future.cancel()
            raise TimeoutError(f"no answer within {self._timeout} seconds") from None

    async def in_background(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of a host without holding up the event loop.

        Raises:
            OSError: When there are none, or the answer takes too long (TimeoutError).
        """
        future = self._submit(host, port)
        try:
            async with asyncio.timeout(self._timeout):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise TimeoutError(f"no answer within {self._timeout} seconds") from None
        finally:
            future.cancel()

    def _submit(self, host: str, port: int) -> Future[Sequence[str]]:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="flasgo-outbound")
            return self._pool.submit(self._resolver, host, port)
