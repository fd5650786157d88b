"""The tables of the report that core itself makes: settings, routes, plugins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec import Struct

from flasgo.app import Flasgo
from flasgo.errors import FlasgoError
from flasgo.features.error_pages.masking import Masker
from flasgo.hookspecs import REQUEST_HOOKS
from flasgo.plugins.manager import PluginInfo
from flasgo.plugins.reports import ReportTable

__all__ = ["PluginReach", "plugin_reaches", "route_table", "setting_tables"]

_PLURALS = {"": "Others", "policy": "Policies enforced", "encoding of": "Encodings of"}


class PluginReach(Struct, frozen=True):
    """What one plugin may touch.

    Attributes:
        info: The plugin.
        touches: Pairs of a heading and what is under it.
    """

    info: PluginInfo
    touches: Sequence[tuple[str, str]]


def plugin_reaches(app: Flasgo) -> list[PluginReach]:
    """Return what each plugin may touch; those that come with core last.

    Args:
        app: The app.
    """
    steps = _steps(app)
    count = len(app.routes)
    infos = sorted(app.plugins, key=lambda info: info.builtin)
    return [PluginReach(info, list(_touches(info, steps, count))) for info in infos]


def _steps(app: Flasgo) -> Counter[tuple[str, str]] | None:
    """Return on how many routes plugins have their hooks; None if the app does not start."""
    found: Counter[tuple[str, str]] = Counter()
    try:
        for route in app.routes:
            here = {(each.plugin.partition(".")[0], each.stage) for each in app.explain(route)}
            found.update(here)
    except FlasgoError:
        return None
    return found


def _touches(
    info: PluginInfo, steps: Counter[tuple[str, str]] | None, routes: int
) -> Iterator[tuple[str, str]]:
    if info.reason:
        yield "Not active", info.reason
    hooks = [hook for hook in REQUEST_HOOKS if hook in info.hooks]
    if hooks:
        numbers = {hook: steps[info.name, hook] if steps is not None else 0 for hook in hooks}
        listed = (
            f"{hook} ({_extent(number, routes)})" if number else hook
            for hook, number in numbers.items()
        )
        yield "Sees requests in", ", ".join(listed)
    others = [hook for hook in info.hooks if hook not in REQUEST_HOOKS]
    if others:
        yield "Runs at set-up", ", ".join(others)
    groups: dict[str, list[str]] = {}
    for brought in info.brings:
        kind, _, name = brought.rpartition(" ")
        groups.setdefault(_PLURALS.get(kind, f"{kind.capitalize()}s"), []).append(name)
    for kind, names in groups.items():
        yield kind, ", ".join(names)
    if info.methods:
        yield "Methods of the app", ", ".join(info.methods)
    if info.settings:
        yield "Settings", ", ".join(info.settings)
    if info.requires:
        yield "Requires", ", ".join(info.requires)


def _extent(number: int, routes: int) -> str:
    return "every route" if number == routes else f"{number} of {routes} routes"


def route_table(app: Flasgo) -> ReportTable:
    """Return all routes with their policies.

    Args:
        app: The app.
    """
    rows = [
        (
            "MOUNT" if route.mounted else ", ".join(sorted(route.methods)),
            f"{route.host or ''}{route.path}",
            route.endpoint,
            "; ".join(policy.explain() for policy in route.policies),
        )
        for route in app.routes
    ]
    about = "Every route with the policies of its handler, its blueprints and the app."
    columns = ("Methods", "Path", "Endpoint", "Policies")
    return ReportTable("Routes", about, columns, list(dict.fromkeys(rows)), "The app has none.")


def setting_tables(app: Flasgo, masker: Masker) -> tuple[ReportTable, ReportTable]:
    """Return the settings that were set, and the others.

    Args:
        app: The app.
        masker: Takes the secrets out.
    """
    changed: list[tuple[str, ...]] = []
    others: list[tuple[str, ...]] = []
    for info in app.settings.describe():
        value = masker.setting(info.name, _shown(info.value))
        if info.source == "default":
            others.append((info.name, value, info.owner))
        else:
            default = masker.setting(info.name, _shown(info.default))
            changed.append((info.name, value, default, info.source, info.owner))
    return (
        ReportTable(
            "Settings",
            "What was set; secrets are masked.",
            ("Setting", "Value", "Default", "Source", "Owner"),
            changed,
            "Every setting has its default.",
        ),
        ReportTable(
            "Defaults",
            "Settings that have their default value.",
            ("Setting", "Value", "Owner"),
            others,
        ),
    )


def _shown(value: object) -> object:
    # Sets have no order of their own, and a policy is shown as its header.
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    has_text = type(value).__str__ is not object.__str__ and not isinstance(value, (dict, list))
    return str(value) if has_text else value
