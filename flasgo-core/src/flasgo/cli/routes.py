"""`flasgo routes`: the routes of an app, and what happens to their requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated

import typer
from msgspec import structs

from flasgo.app import Flasgo
from flasgo.callables import full_name
from flasgo.cli.loading import AppOption, JsonOption, app_for_command
from flasgo.cli.output import fail, table, write, write_json
from flasgo.errors import FlasgoError, did_you_mean
from flasgo.kernel.pipeline import StageInfo
from flasgo.routing import Route

__all__ = ["routes"]


def routes(
    path: Annotated[
        str | None,
        typer.Argument(
            metavar="PATH", help="Only routes of this rule or endpoint, or that serve this path."
        ),
    ] = None,
    *,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show every step of a request, and why it is there.")
    ] = False,
    method: Annotated[
        str | None,
        typer.Option("--method", "-X", help="The route that takes PATH with it; or WEBSOCKET."),
    ] = None,
    host: Annotated[str | None, typer.Option("--host", help="And with this Host header.")] = None,
    app: AppOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the routes of an app, or tell why a path reaches none."""
    loaded = app_for_command(app)
    if path is None:
        if method or host:
            fail("--method and --host are about one PATH; give it too.")
        chosen = list(loaded.routes)
    elif method or host or (explain and path.startswith("/") and not _known(loaded, path)):
        chosen = _reached(loaded, path, method, host, as_json=as_json)
    else:
        chosen = _routes_of(loaded, path)
    if not chosen and path is not None:
        return
    stages = [_stages_of(loaded, route) if explain else () for route in chosen]
    if as_json:
        write_json([_as_json(*pair, explain=explain) for pair in zip(chosen, stages, strict=True)])
    elif not chosen:
        write("No routes. Register one with @app.get(...).")
    elif explain:
        write("\n\n".join(_explanation(*pair) for pair in zip(chosen, stages, strict=True)))
    else:
        write(_listing(chosen))


def _listing(routes: Sequence[Route]) -> str:
    """Return one line for each route, and one for each mount; hosts and blueprints where any."""
    columns: dict[str, Callable[[Route], str]] = {"Methods": _methods, "Path": _path}
    if any(route.host for route in routes):
        columns["Host"] = lambda route: route.host or "*"
    columns["Endpoint"] = lambda route: route.endpoint
    if any(route.blueprint for route in routes):
        columns["Blueprint"] = lambda route: route.blueprint or "-"
    if any(route.mounted for route in routes):
        columns["App"] = lambda route: full_name(route.mounted) if route.mounted else "-"
    rows = [tuple(column(route) for column in columns.values()) for route in routes]
    return table(tuple(columns), list(dict.fromkeys(rows)))


def _known(app: Flasgo, path: str) -> list[Route]:
    found = [route for route in app.routes if path in (route.path, route.endpoint)]
    return found or list(app.routes_at(path))


def _reached(
    app: Flasgo, path: str, method: str | None, host: str | None, *, as_json: bool
) -> list[Route]:
    """Return the route that takes a request; where there is none, say why."""
    from flasgo.cli.explain import request_for
    from flasgo.cli.unreached import reached, why_unreached

    verb = (method or "GET").upper()
    request = request_for(app, verb, path, host)
    route = reached(app, verb, request.path, host or "")
    if route is not None:
        return [route]
    told = asyncio.run(why_unreached(app, request))
    if as_json:
        asked = {"method": verb, "path": path, "host": host}
        write_json([asked | structs.asdict(told)])
        return []
    on = f" on {host}" if host else ""
    lines = [f"{verb} {path}{on} reaches no route: {told.status} {told.answer}"]
    lines += [f"  {reason}" for reason in told.reasons]
    lines += [f"  Close to it: {', '.join(told.close)}"] if told.close else []
    write("\n".join(lines))
    return []


def _routes_of(app: Flasgo, path: str) -> list[Route]:
    found = _known(app, path)
    if not found:
        known = [name for route in app.routes for name in (route.path, route.endpoint)]
        twin = path[:-1] if path.endswith("/") else f"{path}/"
        known = [twin] if app.routes_at(twin) else known
        hint = did_you_mean(path, known)
        fail(f"No route serves {path!r}.{hint} `flasgo routes` lists them.")
    return found


def _stages_of(app: Flasgo, route: Route) -> Sequence[StageInfo]:
    try:
        return app.explain(route)
    except FlasgoError as error:
        fail(f"The app does not start. {type(error).__name__}: {error}")


def _methods(route: Route) -> str:
    if route.mounted is not None:
        return "MOUNT"
    return "WEBSOCKET" if route.is_websocket else ", ".join(sorted(route.methods))


def _path(route: Route) -> str:
    """Return the rule; a mount has several of them and is shown as what they have in common."""
    if route.mounted is None:
        return route.path
    return route.path.removesuffix("<path:path>").rstrip("/") + "/..."


def _explanation(route: Route, stages: Sequence[StageInfo]) -> str:
    kind = f"MOUNT ({'WEBSOCKET' if route.is_websocket else 'HTTP'})"
    where = f"{route.host or ''}{route.path}"
    lines = [f"{kind if route.mounted else _methods(route)} {where}  (endpoint {route.endpoint})"]
    lines += [f"  policy: {policy.explain()}" for policy in route.policies]
    rows = [
        (
            stage.stage,
            stage.plugin,
            f"{stage.callable} ({stage.kind})" + (f" - {stage.reason}" if stage.reason else ""),
        )
        for stage in stages
    ]
    return "\n".join([*lines, table(("Stage", "Plugin", "Callable"), rows, indent="  ")])


def _as_json(route: Route, stages: Sequence[StageInfo], *, explain: bool) -> dict[str, object]:
    row: dict[str, object] = {
        "methods": ["WEBSOCKET"] if route.is_websocket else sorted(route.methods),
        "path": route.path,
        "host": route.host,
        "endpoint": route.endpoint,
        "blueprint": route.blueprint,
        "mounted": None if route.mounted is None else full_name(route.mounted),
        "policies": [policy.explain() for policy in route.policies],
    }
    if explain:
        row["stages"] = [structs.asdict(stage) for stage in stages]
    return row
