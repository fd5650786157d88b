"""Keys of JSON Web Tokens from an address (RFC 7517, section 5): fetched, cached, rotated."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
from flasgo import ConfigurationError, Flasgo, HTTPException

if TYPE_CHECKING:
    from flasgo_auth.backends.jwt import JwtVerifier

__all__ = ["JwksSource"]

_logger = logging.getLogger("flasgo.auth")

FRESH_SECONDS = 600
"""How long keys are used before they are fetched again."""

STALE_SECONDS = 24 * 60 * 60
"""How long they are used while the address does not give any."""

PAUSE_SECONDS = 30
"""How long it is left alone after it was asked, whatever tokens name."""

_TIMEOUT_SECONDS = 5.0
_LARGEST_SET = 256 * 1024
_MOST_KEYS = 100
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})

_decode = msgspec.json.Decoder(dict[str, object]).decode


class _UnusableSetError(Exception):
    """Raised when what an address gives is no set of keys."""


class JwksSource:
    """Gives verifiers with the keys of an address.

    SECURITY: it is fetched through the app's guard for outbound requests, without redirects, in
    bounded time and size. A token that names an unknown key has it fetched again, but not more
    often than every 30 seconds, however many tokens name unknown keys.

    Args:
        url: The address, `https://...`; `http://` for this machine only.
        verifier: Returns a verifier for a JWK Set, or raises ConfigurationError.
        clock: Seconds from a clock that never goes back.

    Raises:
        ConfigurationError: When the address is not one.
    """

    def __init__(
        self,
        url: str,
        verifier: Callable[[dict[str, object]], JwtVerifier],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        parts = urlsplit(url) if isinstance(url, str) else None
        is_safe = parts is not None and (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)
        )
        if parts is None or not is_safe or not parts.hostname or parts.username is not None:
            raise ConfigurationError(
                f"jwt_backend(jwks_url={url!r}): give an https:// address without credentials, "
                "such as 'https://login.example.com/.well-known/jwks.json'."
            )
        self._url = url
        self._make = verifier
        self._clock = clock
        self._verifier: JwtVerifier | None = None
        self._fetched_at = 0.0
        self._asked_at: float | None = None
        self._lock: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None

    async def verifier(self, app: Flasgo, *, instead_of: JwtVerifier | None = None) -> JwtVerifier:
        """Return a verifier with the keys of the address.

        Args:
            app: The app, whose guard for outbound requests lets the request pass.
            instead_of: The verifier that did not know a key: newer keys are wanted.

        Raises:
            HTTPException: 503 when there are no keys.
        """
        if self._is_current(instead_of):
            return self._usable()
        async with self._running_lock():
            # Another request may have fetched them while this one waited.
            if not self._is_current(instead_of):
                await self._refresh(app)
        return self._usable()

    def _is_current(self, instead_of: JwtVerifier | None) -> bool:
        now = self._clock()
        if self._asked_at is not None and now - self._asked_at < PAUSE_SECONDS:
            return True
        if self._verifier is None or self._verifier is instead_of:
            return False
        return now - self._fetched_at < FRESH_SECONDS

    def _usable(self) -> JwtVerifier:
        verifier = self._verifier
        if verifier is None or self._clock() - self._fetched_at > STALE_SECONDS:
            raise HTTPException(
                503,
                "Tokens cannot be verified at the moment; try again.",
                headers={"retry-after": str(PAUSE_SECONDS)},
            )
        return verifier

    async def _refresh(self, app: Flasgo) -> None:
        self._asked_at = self._clock()
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                data = await self._fetch(app)
            self._verifier = self._make(_key_set(data))
        except Exception as error:  # noqa: BLE001 - former keys go on being used
            _logger.error(
                "The keys of %s cannot be fetched: %s: %s",
                ascii(self._url),
                type(error).__name__,
                ascii(str(error)[:200])[1:-1],
            )
            return
        self._fetched_at = self._clock()

    async def _fetch(self, app: Flasgo) -> bytes:
        import httpx2  # an extra of flasgo-security, which brings the transport

        headers = {"accept": "application/jwk-set+json, application/json"}
        transport = app.outbound_transport()
        async with (
            httpx2.AsyncClient(transport=transport, follow_redirects=False) as client,
            client.stream("GET", self._url, headers=headers) as response,
        ):
            if response.status_code != 200:
                raise _UnusableSetError(f"it answers {response.status_code}")
            pieces: list[bytes] = []
            size = 0
            async for piece in response.aiter_bytes():
                size += len(piece)
                if size > _LARGEST_SET:
                    raise _UnusableSetError(f"it has more than {_LARGEST_SET} bytes")
                pieces.append(piece)
        return b"".join(pieces)

    def _running_lock(self) -> asyncio.Lock:
        loop = asyncio.get_running_loop()
        if self._lock is None or self._lock[0] is not loop:
            self._lock = loop, asyncio.Lock()
        return self._lock[1]


def _key_set(data: bytes) -> dict[str, object]:
    try:
        found = _decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise _UnusableSetError("it is no JSON object") from None
    keys = found.get("keys")
    if not isinstance(keys, list):
        raise _UnusableSetError("it is no JWK Set: it has no list of keys")
    if len(keys) > _MOST_KEYS:
        raise _UnusableSetError(f"it has more than {_MOST_KEYS} keys")
    return found
