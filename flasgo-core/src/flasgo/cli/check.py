"""`flasgo check`: what is weak about an app."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from flasgo.app import Flasgo
from flasgo.cli.checking.baseline import (
    Accepted,
    BaselineError,
    Sorted,
    read_baseline,
    sort_out,
    write_baseline,
)
from flasgo.cli.loading import AppOption, JsonOption, app_for_command
from flasgo.cli.output import coloured, facts, fail, note, write, write_json
from flasgo.plugins.checks import Finding, collect_findings, is_failure
from flasgo.serving.target import TargetError, find_target

__all__ = ["check"]


_STYLES = {"error": "red", "warning": "yellow", "info": "bold"}
_FormatName = Literal["text", "json", "sarif"]
_Deploy = Annotated[
    bool, typer.Option("--deploy", help="Judge by what production needs; warnings fail too.")
]
_Format = Annotated[
    _FormatName | None,
    typer.Option("--format", help="How to write: SARIF is for code scanning.  [default: text]"),
]
_FailLevel = Annotated[
    Literal["info", "warning", "error", "never"] | None,
    typer.Option(
        "--fail-level",
        help="The least level that fails; by default error, with --deploy warning.",
    ),
]
_Baseline = Annotated[
    Path | None,
    typer.Option("--baseline", metavar="FILE", help="Leave out what this file knows of."),
]
_WriteBaseline = Annotated[
    Path | None,
    typer.Option("--write-baseline", metavar="FILE", help="Write what is found as a baseline."),
]
_Report = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE", help="Write a report too: one HTML page."),
]


def check(
    *,
    deploy: _Deploy = False,
    output_format: _Format = None,
    fail_level: _FailLevel = None,
    baseline: _Baseline = None,
    new_baseline: _WriteBaseline = None,
    report: _Report = None,
    app: AppOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look for weaknesses.

    The exit status is 1 when there are any that matter.
    """
    form = _format_of(output_format, as_json=as_json)
    loaded = app_for_command(app)
    findings = collect_findings(loaded, deploy=deploy)
    try:
        accepted = read_baseline(baseline) if baseline is not None else []
        if new_baseline is not None:
            _write_baseline(new_baseline, findings, accepted)
            return
    except BaselineError as error:
        fail(str(error))
    parted = sort_out(findings, accepted)
    _write(parted, form, app, deploy=deploy)
    if baseline is not None:
        _tell_of_baseline(parted, baseline)
    if report is not None:
        _write_report(report, loaded, parted, deploy=deploy)
    if is_failure(parted.new, deploy=deploy, level=fail_level):
        raise typer.Exit(1)


def _format_of(given: _FormatName | None, *, as_json: bool) -> _FormatName:
    if as_json and given not in (None, "json"):
        fail(f"--json and --format {given} contradict each other. Give one of them.")
    return "json" if as_json else given or "text"


def _write(parted: Sorted, form: _FormatName, target: str | None, *, deploy: bool) -> None:
    if form == "json":
        write_json([_as_json(finding) for finding in parted.new])
    elif form == "sarif":
        # Apart: most calls of the command write text.
        from flasgo import __version__
        from flasgo.cli.checking.sarif import sarif_log

        try:
            file = find_target(target).path
        except TargetError:
            file = None
        root = Path.cwd()
        write_json(
            sarif_log(parted.new, parted.known, version=__version__, root=root, app_file=file)
        )
    else:
        write(_text(parted.new, deploy=deploy))


def _as_json(finding: Finding) -> dict[str, object]:
    return {
        "code": finding.code,
        "level": finding.level,
        "message": finding.message,
        "fix": finding.fix,
        "why": finding.why,
        "setting": finding.setting or None,
        "routes": [
            {
                "methods": sorted(route.methods),
                "path": route.path,
                "host": route.host,
                "endpoint": route.endpoint,
                "source": route.source,
            }
            for route in finding.routes
        ],
    }


def _text(findings: Sequence[Finding], *, deploy: bool) -> str:
    if not findings:
        return "Nothing found." if deploy else "Nothing found. --deploy looks closer."
    parts = [
        f"{coloured(finding.level.upper(), _STYLES[finding.level])}  {finding.code}\n"
        + facts({"found": finding.message, "why": finding.why, "fix": finding.fix})
        for finding in findings
    ]
    counts = [
        f"{number} {level}{'s' if number > 1 and level != 'info' else ''}"
        for level in ("error", "warning", "info")
        if (number := sum(finding.level == level for finding in findings))
    ]
    return "\n\n".join([*parts, ", ".join(counts) + "."])


def _tell_of_baseline(parted: Sorted, path: Path) -> None:
    if parted.known:
        note(f"{len(parted.known)} left out, as {path} knows of them.")
    for entry in parted.gone:
        note(f"{path} names {entry.code}, which is found no more: {entry.message}")
    if parted.gone:
        note("Take it out: flasgo check --baseline FILE --write-baseline FILE keeps the rest.")


def _write_baseline(path: Path, findings: Sequence[Finding], accepted: Sequence[Accepted]) -> None:
    number = write_baseline(path, findings, accepted)
    note(f"{path} knows of {number} finding{'' if number == 1 else 's'}. Give the reason for each.")


def _write_report(path: Path, app: Flasgo, parted: Sorted, *, deploy: bool) -> None:
    from flasgo import __version__
    from flasgo.cli.checking.page import report_page

    page = report_page(
        app,
        parted.new,
        parted.known,
        deploy=deploy,
        version=__version__,
        made=datetime.now(UTC),
    )
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        fail(f"Report {str(path)!r}: {error.strerror or error}.")
    note(f"Report: {path}")
