"""`flasgo check`: what is weak about an app."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from msgspec import structs

from flasgo.cli.loading import AppOption, JsonOption, app_for_command
from flasgo.cli.output import facts, write, write_json
from flasgo.plugins.checks import Finding, collect_findings, is_failure

__all__ = ["check"]


def check(
    *,
    deploy: Annotated[
        bool, typer.Option("--deploy", help="Judge by what production needs; warnings fail too.")
    ] = False,
    app: AppOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look for weaknesses.

    The exit status is 1 when there are any that matter.
    """
    findings = collect_findings(app_for_command(app), deploy=deploy)
    if as_json:
        write_json([structs.asdict(finding) for finding in findings])
    else:
        write(_report(findings, deploy=deploy))
    if is_failure(findings, deploy=deploy):
        raise typer.Exit(1)


def _report(findings: Sequence[Finding], *, deploy: bool) -> str:
    if not findings:
        return "Nothing found." if deploy else "Nothing found. --deploy looks closer."
    parts = [
        f"{finding.level.upper()}  {finding.code}\n"
        + facts({"found": finding.message, "fix": finding.fix})
        for finding in findings
    ]
    counts = [
        f"{number} {level}{'s' if number > 1 and level != 'info' else ''}"
        for level in ("error", "warning", "info")
        if (number := sum(finding.level == level for finding in findings))
    ]
    return "\n\n".join([*parts, ", ".join(counts) + "."])
