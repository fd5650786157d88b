"""What is raised when a URL leads where the server must not go."""

from __future__ import annotations

from typing import Literal

from flasgo import HTTPException

__all__ = ["Reason", "SSRFViolation"]

Reason = Literal[
    "malformed",
    "scheme",
    "credentials",
    "host",
    "port",
    "address",
    "unresolved",
]

# SECURITY: what a client is told never depends on what an internal name resolves to. Which of
# "host", "address" and "unresolved" it was would map an internal network for a client.
_UNREACHABLE = "The URL leads to a host that this site does not connect to; give a public address."
_TOLD: dict[str, str] = {
    "malformed": "The URL is malformed; give an absolute one such as https://example.com/path.",
    "scheme": "The scheme of the URL is not allowed; give an https URL.",
    "credentials": "The URL holds a user name or a password; leave them out.",
    "host": _UNREACHABLE,
    "port": "The port of the URL is not allowed; leave it out to use the usual one.",
    "address": _UNREACHABLE,
    "unresolved": _UNREACHABLE,
}


class SSRFViolation(HTTPException):
    """Raised when a URL must not be fetched.

    Left alone inside a request it is answered 400, with a `detail` that tells the client nothing
    about the network; `str()` of it says what was found, for the log.

    Attributes:
        reason: `"malformed"`, `"scheme"`, `"credentials"`, `"host"` (not on the allow-list, or
            spelt so that programs read it differently), `"port"`, `"address"` (not globally
            reachable) or `"unresolved"`.
        explanation: What was found, and what is allowed.
    """

    reason: Reason
    explanation: str

    def __init__(self, reason: Reason, explanation: str) -> None:
        super().__init__(400, _TOLD[reason], error="url_not_allowed")
        self.reason = reason
        self.explanation = explanation

    def __str__(self) -> str:
        return f"{self.reason}: {self.explanation}"
