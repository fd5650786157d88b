"""The report of `flasgo check --report`: one HTML page that needs nothing but itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from html import escape

from flasgo.app import Flasgo
from flasgo.cli.checking.baseline import Accepted
from flasgo.cli.checking.style import REPORT_STYLE
from flasgo.cli.checking.tables import (
    PluginReach,
    plugin_reaches,
    route_table,
    setting_tables,
)
from flasgo.features.error_pages.masking import Masker
from flasgo.plugins.checks import LEVELS, Finding
from flasgo.plugins.reports import ReportTable, collect_tables
from flasgo.responses.pages import standalone_page

__all__ = ["report_page"]

_PLURALS = {"error": "errors", "warning": "warnings", "info": "notes"}
_MOST_ROUTES = 20
_NOT_IN_AN_ID = re.compile(r"[^a-z0-9]+")


def report_page(
    app: Flasgo,
    new: Sequence[Finding],
    known: Sequence[tuple[Finding, Accepted]] = (),
    *,
    deploy: bool,
    version: str,
    made: datetime,
) -> str:
    """Return the report.

    SECURITY: all text is escaped, and secret settings are masked in all of it. The page's own
    policy allows its style sheet and nothing else.

    Args:
        app: The app.
        new: What was found, the worst first.
        known: What the baseline knows.
        deploy: Whether the settings were judged as production settings.
        version: Flasgo's version.
        made: When the report was made.
    """
    masker = Masker.of(app.settings)
    changed, defaults = setting_tables(app, masker)
    tables = [*collect_tables(app), route_table(app), changed]
    names = ["Findings", *dict.fromkeys(table.title for table in tables), "Plugins", "Defaults"]
    body = [
        _head(app, new, known, names, masker, deploy=deploy),
        "<main>",
        _findings(new, known, masker),
        *(_table(table, masker) for table in tables),
        _plugins(plugin_reaches(app), masker),
        _folded(defaults, masker),
        "</main>",
        f"<footer>Made by <code>flasgo check</code> {escape(version)}, "
        f'<time datetime="{made.isoformat(timespec="seconds")}">{made:%d %B %Y, %H:%M %Z}</time>.'
        "</footer>",
    ]
    title = f"Security report: {masker.text(app.settings.API_TITLE or app.name, 100)}"
    page = standalone_page(title, REPORT_STYLE, "\n".join(body))
    return page.encode("utf-8", "replace").decode()


def _head(
    app: Flasgo,
    new: Sequence[Finding],
    known: Sequence[object],
    names: Iterable[str],
    masker: Masker,
    *,
    deploy: bool,
) -> str:
    mode = "Judged by what production needs." if deploy else "Judged as an app in development."
    counts = "".join(
        f'<li class="{level}"><b>{number}</b>{level if number == 1 else _PLURALS[level]}</li>'
        for level in reversed(LEVELS)
        for number in [sum(finding.level == level for finding in new)]
    )
    counts += f"<li><b>{len(known)}</b>in the baseline</li>" if known else ""
    links = "".join(f'<a href="#{_id(name)}">{masker.html(name)}</a>' for name in names)
    name = masker.html(app.settings.API_TITLE or app.name, 100)
    return (
        f"<header><h1>Security report</h1><p>{name}. {mode} "
        f"{len(app.routes)} routes, {sum(info.status == 'active' for info in app.plugins)} active "
        f'plugins.</p><ul class="counts">{counts}</ul>'
        f'<nav aria-label="On this page">{links}</nav></header>'
    )


def _id(name: str) -> str:
    return _NOT_IN_AN_ID.sub("-", name.lower()).strip("-") or "table"


def _findings(
    new: Sequence[Finding], known: Sequence[tuple[Finding, Accepted]], masker: Masker
) -> str:
    cards = "".join(_finding(finding, masker) for finding in new)
    cards = cards or '<p class="none">Nothing was found.</p>'
    if known:
        accepted = "".join(_finding(finding, masker, entry) for finding, entry in known)
        cards += (
            f"<details><summary><h2>In the baseline <small>{len(known)}</small></h2></summary>"
            f"{accepted}</details>"
        )
    about = "What weakens the app, the worst first."
    return (
        f'<section id="findings"><h2>Findings <small>{len(new)}</small></h2>'
        f'<p class="about">{about}</p>{cards}</section>'
    )


def _finding(finding: Finding, masker: Masker, entry: Accepted | None = None) -> str:
    facts = {"Why": finding.why, "Fix": finding.fix, "Setting": finding.setting}
    if finding.routes:
        listed = [f"{route.host or ''}{route.path}" for route in finding.routes[:_MOST_ROUTES]]
        more = len(finding.routes) - len(listed)
        facts["Routes"] = ", ".join(listed) + (f" and {more} more" if more > 0 else "")
    if entry is not None:
        facts["Accepted"] = entry.reason or "No reason is given."
    return (
        f'<article class="card finding {finding.level}"><p class="top">'
        f'<span class="level">{finding.level}</span><code>{masker.html(finding.code)}</code></p>'
        f"<h3>{masker.html(finding.message)}</h3>{_facts(facts.items(), masker)}</article>"
    )


def _facts(pairs: Iterable[tuple[str, str]], masker: Masker) -> str:
    rows = "".join(
        f"<dt>{masker.html(name)}</dt><dd>{masker.html(value)}</dd>"
        for name, value in pairs
        if value
    )
    return f"<dl>{rows}</dl>" if rows else ""


def _table(table: ReportTable, masker: Masker) -> str:
    return (
        f'<section id="{_id(table.title)}"><h2>{masker.html(table.title)} '
        f"<small>{len(table.rows)}</small></h2>{_rows(table, masker)}</section>"
    )


def _folded(table: ReportTable, masker: Masker) -> str:
    return (
        f'<section id="{_id(table.title)}"><details><summary><h2>{masker.html(table.title)} '
        f"<small>{len(table.rows)}</small></h2></summary>{_rows(table, masker)}</details></section>"
    )


def _rows(table: ReportTable, masker: Masker) -> str:
    about = f'<p class="about">{masker.html(table.about)}</p>' if table.about else ""
    if not table.rows:
        return f'{about}<p class="none">{masker.html(table.empty)}</p>'
    heads = "".join(f'<th scope="col">{masker.html(column)}</th>' for column in table.columns)
    rows = "".join(
        _row(row, number in table.flagged, table, masker) for number, row in enumerate(table.rows)
    )
    return (
        f'{about}<div class="wide"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _row(row: Sequence[str], is_flagged: bool, table: ReportTable, masker: Masker) -> str:
    cells = "".join(
        f'<td data-of="{masker.html(column)}">{masker.html(cell, 2_000)}</td>'
        for column, cell in zip(table.columns, row, strict=True)
    )
    start = '<tr class="flag">' if is_flagged else "<tr>"
    return f"{start}{cells}</tr>"


def _plugins(reaches: Sequence[PluginReach], masker: Masker) -> str:
    about = (
        "What each plugin may touch. A plugin runs in the process of the app and is not confined: "
        "this is what it declares."
    )
    return (
        f'<section id="plugins"><h2>Plugins <small>{len(reaches)}</small></h2>'
        f'<p class="about">{about}</p>{"".join(_plugin_cards(reaches, masker))}</section>'
    )


def _plugin_cards(reaches: Iterable[PluginReach], masker: Masker) -> Iterator[str]:
    for reach in reaches:
        info = reach.info
        origin = "built in" if info.builtin else f"{info.distribution or 'given to the app'}"
        version = "" if info.builtin or not info.version else f" {info.version}"
        yield (
            f'<article class="card reach"><h3>{masker.html(info.name)} '
            f"<small>{masker.html(origin + version)}, {info.status}</small></h3>"
            f"{_facts(reach.touches, masker)}</article>"
        )
