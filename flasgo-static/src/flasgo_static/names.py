"""Which names in a URL may stand for files."""

from __future__ import annotations

import re

__all__ = ["is_servable", "servable_parts"]

# Control characters; the backslash, which Windows takes for a separator; the colon, which there
# introduces drives and alternate data streams (CWE-41, CWE-69).
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\:]")

# Characters without a look of their own. HFS+ leaves them out when it compares names, so one before
# a dot would open a hidden file (as in CVE-2014-9390).
_UNSEEN = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")

# Windows opens a device for these names, whatever follows the first dot (CWE-67).
_DEVICE = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3]) *(?:\.|\Z)",
    re.IGNORECASE,
)


def is_servable(name: str) -> bool:
    """Tell whether a file or directory of this name may be served.

    The rules are those of the strictest platform, so that an app does not open up when it moves.

    Args:
        name: One component of a path.

    Returns:
        False for empty names, `.`, `..` and every other name with a dot or an unseen character in
        front, names that Windows reads as something else, and names with control characters.
    """
    return (
        name != ""
        and name[0] != "."
        and _UNSEEN.match(name) is None
        and name[-1] not in " ."
        and _FORBIDDEN.search(name) is None
        and _DEVICE.match(name) is None
    )


def servable_parts(filename: str) -> tuple[str, ...] | None:
    """Split the decoded rest of a URL into the components of a file's path.

    Args:
        filename: What follows the folder's own URL, percent-decoded once.

    Returns:
        The components, or None if one of them must not be served (CWE-22).
    """
    parts = tuple(filename.split("/"))
    for part in parts:
        if not is_servable(part):
            return None
    return parts
