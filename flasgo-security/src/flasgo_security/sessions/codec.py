"""Sessions as signed text, for cookies."""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from binascii import a2b_base64
from collections.abc import Callable

import msgspec

from flasgo_security.sessions.session import Session
from flasgo_security.sessions.stamps import InvalidSessionError, Stamp
from flasgo_security.signing import PurposeSigner

__all__ = ["SessionCodec"]

_LONGEST_COOKIE = 4096  # RFC 6265bis, section 5.6
_STANDARD = bytes.maketrans(b"-_", b"+/")

_decode = msgspec.json.Decoder(dict[str, object]).decode


class SessionCodec:
    """Turns sessions into signed text and back.

    The text is `<data>.<identifier>.<time of writing>.<signature>`, the data JSON in base64: it
    can be read by the client, but not changed.

    Args:
        signer: Signs it.
        lifetime: Seconds for which a text is valid after it was written, if it says nothing else.
        clock: Seconds since the epoch.
    """

    def __init__(
        self, signer: PurposeSigner, lifetime: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._signer = signer
        self._lifetime = lifetime
        self._clock = clock

    def dumps(self, session: Session) -> str:
        """Return a session as signed text."""
        data = urlsafe_b64encode(session.encoded()).rstrip(b"=").decode("ascii")
        return self._signer.sign(f"{data}.{session.id}.{session.stamp(self._clock())}")

    def loads(self, text: str) -> Session:
        """Return the session of a signed text.

        Raises:
            InvalidSessionError: When the text is too long, not signed by this app, or expired.
        """
        # SECURITY: length before signature, signature before everything else (CWE-400, CWE-502).
        if len(text) > _LONGEST_COOKIE:
            raise InvalidSessionError("the session cookie is too long", is_suspicious=True)
        value = self._signer.unsign(text)
        if value is None:
            raise InvalidSessionError(
                "the session cookie was not signed with this key", is_suspicious=True
            )
        try:
            encoded, identifier, written = value.split(".")
            stamp = Stamp.parse(written)
            stamp.check(self._clock(), self._lifetime)
            saved = a2b_base64(encoded.encode("ascii").translate(_STANDARD) + b"==")
            return Session(_decode(saved), identifier, saved, stamp)
        except (ValueError, msgspec.MsgspecError, RecursionError):
            raise InvalidSessionError(
                "the session cookie has another format", is_suspicious=False
            ) from None
