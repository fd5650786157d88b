"""Findings as SARIF 2.1.0, which code scanning services and editors read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flasgo.cli.checking.baseline import Accepted
from flasgo.plugins.checks import Finding
from flasgo.routing import Route

__all__ = ["sarif_log"]

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS = {"info": "note", "warning": "warning", "error": "error"}
_ROOT = "SRCROOT"
_MOST_LOCATIONS = 100


# Any: JSON, whose shape the standard has.
def sarif_log(
    new: Sequence[Finding],
    known: Sequence[tuple[Finding, Accepted]],
    *,
    version: str,
    root: Path,
    app_file: Path | None,
) -> dict[str, Any]:
    """Return a log with one run.

    Args:
        new: The findings.
        known: Those of the baseline; they are in the log as suppressed results.
        version: Flasgo's version.
        root: The folder that places in the source are relative to.
        app_file: The file of the app, the place of findings that are about no route.
    """
    findings = [*new, *(finding for finding, _ in known)]
    rules = {finding.code: finding for finding in reversed(findings)}
    order = sorted(rules)
    results = [_result(each, order.index(each.code), root, app_file) for each in findings]
    for result, (_, entry) in zip(results[len(new) :], known, strict=True):
        suppression = {"kind": "external", "status": "accepted"}
        result["baselineState"] = "unchanged"
        result["suppressions"] = [
            suppression | ({"justification": entry.reason} if entry.reason else {})
        ]
    driver = {
        "name": "flasgo check",
        "version": version,
        "rules": [_rule(rules[code]) for code in order],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "Where `flasgo check` was run."}}},
        "results": results,
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(finding: Finding) -> dict[str, Any]:
    owner = finding.code.partition(".")[0]
    why = finding.why or finding.message
    return {
        "id": finding.code,
        "shortDescription": {"text": finding.why or f"{finding.code} of {owner}"},
        "fullDescription": {"text": why},
        "help": {"text": f"{why} {finding.fix}", "markdown": f"{why}\n\n**Fix:** {finding.fix}"},
        "defaultConfiguration": {"level": _LEVELS[finding.level]},
        "properties": {"tags": sorted({"security", owner})},
    }


def _result(finding: Finding, rule: int, root: Path, app_file: Path | None) -> dict[str, Any]:
    # The message is a part of what a baseline compares, and of what a service does.
    digest = sha256(f"{finding.code}\n{finding.message}".encode("utf-8", "replace")).hexdigest()
    return {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": _LEVELS[finding.level],
        "message": {"text": f"{finding.message} {finding.fix}"},
        "locations": list(_locations(finding, root, app_file)),
        "partialFingerprints": {"codeAndMessage/v1": digest},
    }


def _locations(finding: Finding, root: Path, app_file: Path | None) -> Iterator[dict[str, Any]]:
    found = 0
    for route in finding.routes[:_MOST_LOCATIONS]:
        file, _, line = route.source.rpartition(":")
        physical = _physical(Path(file), root, int(line) if line.isdecimal() else 1)
        found += physical is not None
        yield {"logicalLocations": [_logical(route)]} | (physical or {})
    if not found and app_file is not None and (physical := _physical(app_file, root, 1)):
        setting = [{"name": finding.setting, "kind": "member"}] if finding.setting else []
        yield physical | ({"logicalLocations": setting} if setting else {})


def _logical(route: Route) -> dict[str, str]:
    methods = "/".join(sorted(route.methods))
    return {
        "name": route.endpoint,
        "fullyQualifiedName": f"{methods} {route.host or ''}{route.path}",
        "kind": "function",
    }


def _physical(file: Path, root: Path, line: int) -> dict[str, Any] | None:
    """Return a place below the root; a file of an installed package is none of the project's."""
    try:
        parts = file.resolve().relative_to(root.resolve()).parts
    except ValueError:
        return None
    if not file.is_file() or _is_installed(parts):
        return None
    artifact = {"uri": quote("/".join(parts)), "uriBaseId": _ROOT}
    region = {"startLine": max(line, 1)}
    return {"physicalLocation": {"artifactLocation": artifact, "region": region}}


def _is_installed(parts: Iterable[str]) -> bool:
    return "site-packages" in parts or "dist-packages" in parts
