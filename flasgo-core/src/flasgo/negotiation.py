"""Chooses a media type by the `Accept` header (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["preferred_type"]

_MAX_RANGES = 32
_MAX_LENGTH = 4096


def preferred_type(accept: str | None, offers: Sequence[str]) -> str:
    """Return the offer that an `Accept` header rates best; the first offer breaks ties.

    Args:
        accept: The header's value. None, junk, and all beyond the first 32 ranges count as
            "anything".
        offers: Media types in the server's order of preference.
    """
    if not accept or len(accept) > _MAX_LENGTH:
        return offers[0]
    ranges = [_parsed(part) for part in accept.split(",", _MAX_RANGES)[:_MAX_RANGES]]
    rated = [(_rating(offer, ranges), -index, offer) for index, offer in enumerate(offers)]
    quality, _, best = max(rated)
    return best if quality > 0 else offers[0]


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
