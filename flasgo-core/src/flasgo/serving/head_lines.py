"""Header lines as bytes: checked and encoded once where the same line comes again and again."""

from __future__ import annotations

import re
from collections.abc import Sequence

from uvicorn.protocols.http.httptools_impl import HEADER_RE, HEADER_VALUE_RE

__all__ = ["LINES", "default_block", "encode_line", "known_lines", "length_line"]

# SECURITY: only lines that say the same to every client are kept. Cookies, dates, tokens, nonces,
# validators, addresses and echoes of a request are not: they would stay in memory, and crowd out
# the rest.
_KEPT_NAMES = frozenset(
    b"""accept-ranges access-control-allow-credentials access-control-allow-headers
    access-control-allow-methods access-control-expose-headers access-control-max-age allow
    cache-control content-encoding content-language content-security-policy
    content-security-policy-report-only content-type cross-origin-embedder-policy
    cross-origin-opener-policy cross-origin-resource-policy origin-agent-cluster permissions-policy
    referrer-policy reporting-endpoints server strict-transport-security timing-allow-origin vary
    x-content-type-options x-dns-prefetch-control x-download-options x-frame-options
    x-permitted-cross-domain-policies x-robots-tag x-xss-protection""".split()
)
# What makes the value of one of these names one of a single answer.
_ONCE_ONLY = re.compile(rb"nonce-|boundary=", re.IGNORECASE)
_MOST_LINES = 512
_LONGEST_VALUE = 2048
_LONGEST_NAME = 64

_FRAMING_NAMES = frozenset({b"content-length", b"transfer-encoding", b"connection"})

LINES: dict[tuple[bytes, bytes], bytes] = {}
"""Encoded lines by their header, as the app wrote it. For reading; `encode_line` fills it."""

_names: dict[bytes, bytes] = {}
_blocks: dict[tuple[tuple[bytes, bytes], ...], bytes] = {}
_lengths: dict[bytes, tuple[bytes, int]] = {}
_defaults: tuple[Sequence[tuple[bytes, bytes]] | None, bytes | None] = (None, None)


def encode_line(name: bytes, value: bytes) -> bytes:
    """Return a header as a line with its end, and keep it where it will come again.

    Args:
        name: The name, in any case.
        value: The value.

    Raises:
        RuntimeError: When one of them may not be in a head (CWE-113).
    """
    start = _names.get(name) or _start_of_line(name)
    if HEADER_VALUE_RE.search(value):
        raise RuntimeError("Invalid HTTP header value.")
    line = b"%b%b\r\n" % (start, value)
    if (
        start[:-2] in _KEPT_NAMES
        and type(value) is bytes
        and len(value) <= _LONGEST_VALUE
        and not _ONCE_ONLY.search(value)
    ):
        _make_place(LINES)
        LINES[name, value] = line
    return line


def known_lines(headers: list[tuple[bytes, bytes]]) -> bytes | None:
    """Return all header lines but the last one, where they have been together before.

    Args:
        headers: The headers as the app wrote them.

    Returns:
        The lines; None where one of them is not kept by itself, or says how the answer is framed.
    """
    try:
        key = tuple(headers[:-1])
        lines = _blocks.get(key)
    except TypeError:  # a list in place of a tuple
        return None
    if lines is None:
        encoded = [LINES.get(header) for header in key]
        # What frames an answer is never among the lines that are kept.
        known = [line for line in encoded if line is not None]
        if len(known) < len(encoded):
            return None
        lines = b"".join(known)
        _make_place(_blocks)
        _blocks[key] = lines
    return lines


def length_line(name: bytes, value: bytes) -> tuple[bytes, int]:
    """Return a Content-Length as a line with its end, and as a number.

    Args:
        name: The name, in any case.
        value: The number in digits.

    Raises:
        RuntimeError: When the value may not be in a head.
        ValueError: When it is not a number.
    """
    known = _lengths.get(value)
    if known is None:
        known = encode_line(name, value), int(value.decode())
        if type(value) is bytes and len(value) <= len(str(2**63)):
            _make_place(_lengths)
            _lengths[value] = known
    return known


def default_block(headers: Sequence[tuple[bytes, bytes]]) -> bytes | None:
    """Return the headers that the server adds to every answer as one block of lines.

    Args:
        headers: uvicorn's list of them, which it replaces once a second.

    Returns:
        The block; None where one of them says how the answer is framed.

    Raises:
        RuntimeError: When one of them may not be in a head.
    """
    global _defaults
    known, block = _defaults
    if known is not headers:
        block = None
        if not any(name.lower() in _FRAMING_NAMES for name, _ in headers):
            block = b"".join([encode_line(name, value) for name, value in headers])
        _defaults = (headers, block)
    return block


def _start_of_line(name: bytes) -> bytes:
    if HEADER_RE.search(name):
        raise RuntimeError("Invalid HTTP header name.")
    start = name.lower() + b": "
    if type(name) is bytes and len(name) <= _LONGEST_NAME:
        _make_place(_names)
        _names[name] = start
    return start


def _make_place(table: dict) -> None:
    """Keep a table within its bound. Emptied as a whole, it needs no order of use."""
    if len(table) >= _MOST_LINES:
        table.clear()
