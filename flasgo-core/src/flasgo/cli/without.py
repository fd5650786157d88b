"""`flasgo plugins --without NAME`: what an app would lose."""

from __future__ import annotations

from typing import Any

from flasgo.app import Flasgo
from flasgo.cli.output import facts, fail
from flasgo.errors import did_you_mean

__all__ = ["loss_of", "told_loss"]

_KINDS = {
    "app method": "methods",
    "request attribute": "request_attributes",
    "option": "options",
    "role": "roles",
    "hook": "hooks",
}
_MOST_ROUTES = 5


def loss_of(app: Flasgo, name: str) -> dict[str, Any]:
    """Return what an app would lose without a plugin.

    `Any`: the members of a JSON document.

    Args:
        app: The app.
        name: The name of one of its active plugins.

    Raises:
        SystemExit: When it has no such plugin.
    """
    active = [plugin.name for plugin in app.plugins if plugin.status == "active"]
    if name not in active:
        fail(f"No active plugin {name!r}.{did_you_mean(name, active)} Active: {', '.join(active)}.")
    declarations = app._declarations
    loss: dict[str, Any] = {
        plural: sorted(declarations.owned(kind, name)) for kind, plural in _KINDS.items()
    }
    owned = sorted(declarations.owned("setting", name))
    loss["settings_in_use"] = [each for each in owned if app.settings.source(each) != "default"]
    loss["steps"] = _steps(app, name)
    loss["refused_routes"] = [
        {"route": route.path, "endpoint": route.endpoint, "policy": policy.explain()}
        for route in app.routes
        for policy in route.policies
        if declarations.enforcer_of(policy) == name
    ]
    loss["starts"] = not loss["refused_routes"]
    return loss


def _steps(app: Flasgo, name: str) -> dict[str, int]:
    """Return the steps that requests would lose, each with the number of routes that have it."""
    counts: dict[str, int] = {}
    for route in app.routes:
        for stage in app.explain(route):
            if stage.plugin.partition(".")[0] == name:
                step = f"{stage.stage} {stage.callable}"
                counts[step] = counts.get(step, 0) + 1
    return counts


def told_loss(app: Flasgo, name: str) -> str:
    """Return what an app would lose without a plugin, as text; see `loss_of`.

    Args:
        app: The app.
        name: The name of one of its active plugins.
    """
    loss = loss_of(app, name)
    refused = loss["refused_routes"]
    if refused:
        shown = [f"{each['route']} ({each['policy']})" for each in refused[:_MOST_ROUTES]]
        more = f" and {len(refused) - len(shown)} more" if len(refused) > len(shown) else ""
        start = (
            f"Without {name!r} the app does not start: it enforces the policies of "
            f"{', '.join(shown)}{more}."
        )
    else:
        start = f"Without {name!r} the app starts."
    total = len(app.routes)
    steps = [f"{step} ({count} of {total} routes)" for step, count in loss["steps"].items()]
    lost = {plural: ", ".join(loss[plural]) for plural in _KINDS.values()}
    lost["settings in use"] = ", ".join(loss["settings_in_use"])
    lines = [start, facts({"steps": "; ".join(steps), **lost})]
    return "\n".join(line for line in lines if line)
