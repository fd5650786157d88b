"""What plugins add to the report of `flasgo check --report`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from flasgo.errors import PluginError, type_name

if TYPE_CHECKING:
    from flasgo.app import Flasgo
    from flasgo.plugins.implementation import Implementation

__all__ = ["ReportTable", "collect_tables"]


class ReportTable(Struct, frozen=True):
    """One table of the report.

    Texts are escaped when the page is made, and secret settings are masked in them.

    Attributes:
        title: Its heading.
        about: One sentence on what it shows.
        columns: The headings of the columns.
        rows: As many texts as there are columns, each.
        empty: What to say in place of a table without rows.
        flagged: The numbers of the rows that need attention, from 0.
    """

    title: str
    about: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    empty: str = "None."
    flagged: Sequence[int] = ()


def collect_tables(app: Flasgo) -> list[ReportTable]:
    """Ask every active plugin for its tables.

    Args:
        app: The app, with compiled routes.

    Returns:
        The tables; in place of those of a plugin that fails, one that says so.
    """
    tables: list[ReportTable] = []
    for impl in app.plugins.implementations("report_tables"):
        try:
            answer = app.plugins.call_setup(impl, app)
            if not isinstance(answer, Iterable):
                answer = () if answer is None else (answer,)
            tables.extend(_checked(table, impl) for table in answer)
        except Exception as error:  # noqa: BLE001 - one broken plugin must not hide the others
            row = (impl.plugin, f"{type(error).__name__}: {error}")
            about = "This part of the report is missing."
            tables.append(ReportTable("Failed", about, ("Plugin", "Error"), [row], flagged=[0]))
    return tables


def _checked(table: object, impl: Implementation) -> ReportTable:
    if not isinstance(table, ReportTable):
        raise PluginError(
            f"report_tables has to return ReportTables; found {type_name(table)}.",
            plugin=impl.plugin,
        )
    uneven = [row for row in table.rows if len(row) != len(table.columns)]
    if uneven:
        raise PluginError(
            f"Each row of the table {table.title!r} has {len(table.columns)} texts, as it has "
            f"columns; one has {len(uneven[0])}.",
            plugin=impl.plugin,
        )
    return table
