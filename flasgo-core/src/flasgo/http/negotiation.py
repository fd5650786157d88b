"""Chooses by `Accept` and `Accept-Encoding` what a client likes best (RFC 9110, section 12.5)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

__all__ = ["acceptable_encodings", "preferred_type"]

_MAX_RANGES = 32
_MAX_LENGTH = 4096
_MOST_REMEMBERED = 256


def preferred_type(accept: str | None, offers: Sequence[str]) -> str:
    """Return the offer that an `Accept` header rates best; the first offer breaks ties.

    Args:
        accept: The header's value. None, malformed text and all beyond the first 32
            ranges count as "anything".
        offers: Media types in the server's order of preference.
    """
    if not accept or len(accept) > _MAX_LENGTH:
        return offers[0]
    # PERF: clients send one of a few values; the table is bounded, and takes no long ones.
    choose = _chosen if len(accept) <= _MOST_REMEMBERED else _choose
    return choose(accept, tuple(offers))


def _choose(accept: str, offers: tuple[str, ...]) -> str:
    ranges = [_parsed(part) for part in accept.split(",", _MAX_RANGES)[:_MAX_RANGES]]
    rated = [(_rating(offer, ranges), -index, offer) for index, offer in enumerate(offers)]
    quality, _, best = max(rated)
    return best if quality > 0 else offers[0]


_chosen = lru_cache(maxsize=256)(_choose)


def _parsed(text: str) -> tuple[str, float]:
    media_range, *parameters = (part.strip().lower() for part in text.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return media_range, min(max(float(parameter[2:]), 0.0), 1.0)
            except ValueError:
                return media_range, 0.0
    return media_range, 1.0


def _rating(offer: str, ranges: Sequence[tuple[str, float]]) -> float:
    """Return the quality of the most specific range that covers the offer."""
    group = f"{offer.partition('/')[0]}/*"
    for wanted in (offer, group, "*/*"):
        qualities = [quality for media_range, quality in ranges if media_range == wanted]
        if qualities:
            return max(qualities)
    return 0.0


def acceptable_encodings(accept_encoding: str | None, offers: Sequence[str]) -> list[str]:
    """Return the content codings that an `Accept-Encoding` header takes, the best one first.

    RFC 9110, section 12.5.3: without a header only `identity` is safe; with one, `identity` is
    acceptable, last of all, unless `identity;q=0` or `*;q=0` refuses it.

    Args:
        accept_encoding: The header's value, or None without one.
        offers: Codings in the server's order of preference, without `identity`.

    Returns:
        Members of `offers`, and `identity`; empty when the client takes none of them.
    """
    if accept_encoding is None or len(accept_encoding) > _MAX_LENGTH:
        return ["identity"]
    pieces = accept_encoding.split(",", _MAX_RANGES)[:_MAX_RANGES]
    wanted: dict[str, float] = {}
    for coding, quality in (_parsed(piece) for piece in pieces):
        # RFC 9110, section 8.4.1.3: the old name means the same.
        name = "gzip" if coding == "x-gzip" else coding
        wanted[name] = max(quality, wanted.get(name, 0.0))
    anything = wanted.get("*")
    rated = [
        (-wanted.get(offer, anything or 0.0), index, offer) for index, offer in enumerate(offers)
    ]
    # Without a mention, identity is acceptable, but last.
    plain = wanted.get("identity", 0.0 if anything == 0 else 1e-9)
    rated.append((-plain, len(offers), "identity"))
    return [offer for quality, _, offer in sorted(rated) if quality < 0]
