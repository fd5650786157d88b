"""`flasgo settings`: every setting with its value, default, source and owner."""

from __future__ import annotations

from typing import Annotated

import typer
from msgspec import structs

from flasgo.cli.loading import AppOption, JsonOption, app_or_default
from flasgo.cli.output import facts, fail, table, write, write_json
from flasgo.errors import did_you_mean
from flasgo.settings.settings import SettingInfo

__all__ = ["settings"]


def settings(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Only this setting, with its help.")
    ] = None,
    *,
    changed: Annotated[
        bool, typer.Option("--changed", help="Only what is not at its default.")
    ] = False,
    app: AppOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the settings of an app; secrets are masked."""
    rows = app_or_default(app).settings.describe()
    if name is not None:
        known = [row.name for row in rows]
        rows = [row for row in rows if row.name == name.upper()]
        if not rows:
            hint = did_you_mean(name, known)
            fail(f"There is no setting {name!r}.{hint} `flasgo settings` lists them.")
    if changed:
        rows = [row for row in rows if row.source != "default"]
    if as_json:
        write_json([structs.asdict(row) for row in rows])
    elif name is not None:
        for row in rows:
            write(_details(row))
    else:
        _write_by_owner(rows)


def _write_by_owner(rows: list[SettingInfo]) -> None:
    owners = list(dict.fromkeys(row.owner for row in rows))
    for position, owner in enumerate(owners):
        if position:
            write()
        write(f"{owner}:")
        cells = [(row.name, _text(row.value), _source(row)) for row in rows if row.owner == owner]
        write(table(("Setting", "Value", "Source"), cells, indent="  "))


def _details(row: SettingInfo) -> str:
    pairs = {
        "value": _text(row.value),
        "default": _text(row.default),
        "source": row.source,
        "owner": row.owner,
        "type": row.type,
        "help": row.help,
    }
    return f"{row.name}\n{facts(pairs)}"


def _source(row: SettingInfo) -> str:
    """Say where the value came from, and what it would be otherwise."""
    has_other = row.source != "default" and row.default != "(computed)"
    return row.source if not has_other else f"{row.source}, default {_text(row.default)}"


def _text(value: object) -> str:
    if isinstance(value, (set, frozenset)) and value:
        return f"{{{', '.join(repr(item) for item in sorted(value, key=str))}}}"
    # An object with a text of its own, such as a policy, is shown as that text.
    has_text = isinstance(value, str) or type(value).__str__ is not object.__str__
    return (has_text and str(value)) or repr(value)
