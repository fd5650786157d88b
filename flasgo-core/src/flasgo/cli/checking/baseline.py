"""The baseline of `flasgo check`: findings that are known, and are not reported again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from flasgo.errors import FlasgoError
from flasgo.plugins.checks import Finding

__all__ = ["Accepted", "BaselineError", "Sorted", "read_baseline", "sort_out", "write_baseline"]

ALWAYS_REPORTED = frozenset({"core.E001", "core.E005"})
"""The app does not start, or a check failed: what else there is to find is unknown."""

_ABOUT = (
    "Findings that `flasgo check --baseline` leaves out. Give the reason for each. An entry counts "
    "for as long as code and message are the same."
)


class BaselineError(FlasgoError):
    """Raised when a baseline cannot be read or written."""


class Accepted(Struct, frozen=True, forbid_unknown_fields=True):
    """One finding that is known.

    Attributes:
        code: Its code.
        message: Its message; what it says about another route or setting is a new finding.
        reason: Why it may stay.
    """

    code: str
    message: str
    reason: str = ""


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    findings: list[Accepted]
    about: str = ""


class Sorted(NamedTuple):
    """Findings, sorted out by a baseline."""

    new: list[Finding]
    known: list[tuple[Finding, Accepted]]
    gone: list[Accepted]


def read_baseline(path: Path) -> list[Accepted]:
    """Return the entries of a baseline.

    Args:
        path: The file.

    Raises:
        BaselineError: When there is no such file, or it is no baseline.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=_File).findings
    except FileNotFoundError:
        raise BaselineError(
            f"There is no baseline {str(path)!r}. Write one: flasgo check --write-baseline {path}."
        ) from None
    except OSError as error:
        raise BaselineError(f"Baseline {str(path)!r}: {error.strerror or error}.") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BaselineError(
            f"{str(path)!r} is not a baseline: {error}. It is a JSON object with the list "
            '"findings", each with "code", "message" and "reason".'
        ) from None


def sort_out(findings: Iterable[Finding], accepted: Sequence[Accepted]) -> Sorted:
    """Part findings into new and known ones.

    Args:
        findings: What was found.
        accepted: The entries of a baseline.

    Returns:
        Both, and the entries that nothing was found for any more. That the app does not start, and
        that a check failed, is never known.
    """
    entries = {(entry.code, entry.message): entry for entry in accepted}
    new: list[Finding] = []
    known: list[tuple[Finding, Accepted]] = []
    met: set[tuple[str, str]] = set()
    for finding in findings:
        key = finding.code, finding.message
        if key in entries and finding.code not in ALWAYS_REPORTED:
            known.append((finding, entries[key]))
            met.add(key)
        else:
            new.append(finding)
    return Sorted(new, known, [entry for key, entry in entries.items() if key not in met])


def write_baseline(path: Path, findings: Iterable[Finding], accepted: Sequence[Accepted]) -> int:
    """Write a baseline of all findings; reasons that were given are kept.

    Args:
        path: The file; it is replaced.
        findings: What was found.
        accepted: The entries of the baseline so far.

    Returns:
        How many entries it has.

    Raises:
        BaselineError: When it cannot be written.
    """
    reasons = {(entry.code, entry.message): entry.reason for entry in accepted}
    kept = {
        key: Accepted(*key, reasons.get(key, ""))
        for key in sorted({(each.code, each.message) for each in findings})
        if key[0] not in ALWAYS_REPORTED
    }
    text = msgspec.json.encode(_File(list(kept.values()), _ABOUT))
    try:
        path.write_bytes(msgspec.json.format(text, indent=2) + b"\n")
    except OSError as error:
        raise BaselineError(f"Baseline {str(path)!r}: {error.strerror or error}.") from None
    return len(kept)
