"""`flasgo plugins`: what is plugged in, and what it brings."""

from __future__ import annotations

from typing import Annotated

import typer
from msgspec import structs

from flasgo.cli.loading import AppOption, JsonOption, app_for_command, app_or_default
from flasgo.cli.output import facts, write, write_json
from flasgo.cli.without import loss_of, told_loss
from flasgo.plugins.manager import PluginInfo

__all__ = ["plugins"]


def plugins(
    *,
    app: AppOption = None,
    without: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Show what the app would lose without this plugin."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the plugins of an app and what they bring."""
    if without is not None:
        loaded = app_for_command(app)
        if as_json:
            write_json(loss_of(loaded, without))
        else:
            write(told_loss(loaded, without))
        return
    infos = list(app_or_default(app).plugins)
    if as_json:
        write_json([structs.asdict(info) for info in infos])
        return
    if all(info.builtin for info in infos):
        write(
            "Only the plugins of flasgo-core. The distribution `flasgo` brings the whole bundle.\n"
        )
    for position, info in enumerate(infos):
        if position:
            write()
        write(_headline(info))
        brings = facts(
            {
                "reason": info.reason,
                "requires": ", ".join(info.requires),
                "hooks": ", ".join(info.hooks),
                "settings": ", ".join(info.settings),
                "methods": ", ".join(info.methods),
                "brings": ", ".join(info.brings),
            }
        )
        if brings:
            write(brings)


def _headline(info: PluginInfo) -> str:
    origin = f"{info.distribution} {info.version}" if info.distribution else "given to Flasgo()"
    built_in = "  built in" if info.builtin else ""
    return f"{info.name}  {origin}{built_in}  {info.status}"
