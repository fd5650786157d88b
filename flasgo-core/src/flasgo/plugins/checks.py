"""What `flasgo check` reports: findings, those of core itself, and how all are collected."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Literal, get_args

from msgspec import Struct

from flasgo.errors import FlasgoError, PluginError, type_name
from flasgo.routing import Route  # `inspect.signature(Finding)` reads it
from flasgo.settings.core import weak_secret_key

if TYPE_CHECKING:
    from flasgo.app import Flasgo
    from flasgo.plugins.implementation import Implementation

__all__ = ["LEVELS", "Finding", "Level", "collect_findings", "core_findings", "is_failure"]

Level = Literal["info", "warning", "error"]

LEVELS: tuple[Level, ...] = get_args(Level)
"""The levels of findings, the least bad one first."""

_FORGED = "An attacker who guesses the key logs in as any user (CWE-521, CWE-345)."
_MAKE_A_KEY = "Make one with `openssl rand -hex 32` and set FLASGO_SECRET_KEY to it."


class Finding(Struct, frozen=True):
    """One weakness that a check found.

    Attributes:
        code: A stable identifier: the owner, a dot, and I, W or E with a number.
        level: How bad it is.
        message: What was found.
        fix: What to do about it.
        why: What an attacker can do with it, or what fails; the same for every finding of a code.
        setting: The setting that it is about, if it is about one.
        routes: The routes that it is about. Reports that name places in the source name their
            handlers.
    """

    code: str
    level: Level
    message: str
    fix: str
    why: str = ""
    setting: str = ""
    routes: tuple[Route, ...] = ()


def collect_findings(app: Flasgo, *, deploy: bool = False) -> list[Finding]:
    """Ask core and every active plugin what is weak about an app.

    Args:
        app: The app.
        deploy: Judge the settings as production settings.

    Returns:
        The findings, the worst first. A check that fails is an error among them.
    """
    findings = list(core_findings(app, deploy=deploy))
    for impl in app.plugins.implementations("check_app"):
        findings += _plugin_findings(app, impl, deploy=deploy)
    return sorted(findings, key=lambda finding: -LEVELS.index(finding.level))


def is_failure(
    findings: Iterable[Finding], *, deploy: bool, level: Level | Literal["never"] | None = None
) -> bool:
    """Whether findings make `flasgo check` fail: errors always, warnings with `--deploy` too.

    Args:
        findings: From `collect_findings`.
        deploy: Whether production settings were judged.
        level: The least level that fails, in place of that rule; `never` lets everything pass.
    """
    if level == "never":
        return False
    least = LEVELS.index(level or ("warning" if deploy else "error"))
    return any(LEVELS.index(finding.level) >= least for finding in findings)


def core_findings(app: Flasgo, *, deploy: bool) -> Iterator[Finding]:
    """Yield what core itself finds weak about an app.

    Args:
        app: The app.
        deploy: Judge the settings as production settings.
    """
    yield from _pipeline_findings(app)
    yield from _key_findings(app, deploy=deploy)
    if deploy and app.settings.DEBUG:
        yield Finding(
            "core.E004",
            "error",
            "DEBUG is on: error pages show source code and values to anybody.",
            "Set DEBUG to False; it is the default.",
            "Source code, settings and values help an attacker (CWE-489, CWE-209).",
            "DEBUG",
        )
    if deploy and all(map(importlib.util.find_spec, ("uvicorn", "httptools"))):
        yield Finding(
            "core.I002",
            "info",
            "uvicorn with httptools takes trailers of a chunked body for headers (CWE-348): "
            "clients can send X-Forwarded-For or Authorization past a proxy that removes them. "
            "An app cannot see which server it will have.",
            "Serve it with `flasgo run`, or give uvicorn `--http "
            "flasgo.serving.protocol:GuardedProtocol` or `--http h11`.",
            "Clients choose the address or the user that the app believes.",
        )
    if not app.routes:
        yield Finding(
            "core.I001",
            "info",
            "The app has no routes: every request is answered 404.",
            "Register one with @app.get(...), or import the module that does.",
            "A module that was meant to register routes may not have been imported.",
        )
    for plugin in app.plugins:
        if plugin.status == "failed":
            yield Finding(
                "core.W002",
                "warning",
                f"Optional plugin {plugin.name!r} could not be loaded: {plugin.reason}",
                "Repair it, or uninstall it.",
                "What the plugin protects is not protected.",
            )


def _pipeline_findings(app: Flasgo) -> Iterator[Finding]:
    try:
        app._compile()
    except FlasgoError as error:
        yield Finding(
            "core.E001",
            "error",
            f"The app does not start. {type(error).__name__}: {error}",
            "Follow the advice above.",
            "Nothing else can be judged before the app starts.",
        )


def _key_findings(app: Flasgo, *, deploy: bool) -> Iterator[Finding]:
    level: Level = "error" if deploy else "warning"
    if app.settings.source("SECRET_KEY") == "default":
        yield Finding(
            "core.E002",
            level,
            "SECRET_KEY is not set, so every process makes up its own: sessions and tokens are "
            "lost at each restart, and workers do not understand one another's.",
            _MAKE_A_KEY,
            "Visitors are logged out, and cookies that one worker has signed fail at the next.",
            "SECRET_KEY",
        )
    elif reason := weak_secret_key(app.settings.SECRET_KEY):
        yield Finding(
            "core.E003",
            level,
            f"SECRET_KEY {reason}: an attacker who guesses it can forge sessions and tokens.",
            _MAKE_A_KEY,
            _FORGED,
            "SECRET_KEY",
        )
    for number, key in enumerate(app.settings.SECRET_KEY_FALLBACKS, 1):
        if reason := weak_secret_key(key):
            yield Finding(
                "core.W001",
                "warning",
                f"Key {number} of SECRET_KEY_FALLBACKS {reason}, and what it signed is believed.",
                "Remove it as soon as sessions signed with it may end.",
                _FORGED,
                "SECRET_KEY_FALLBACKS",
            )


def _plugin_findings(app: Flasgo, impl: Implementation, *, deploy: bool) -> list[Finding]:
    findings: list[Finding] = []
    try:
        answer = app.plugins.call_setup(impl, app, deploy)
        if not isinstance(answer, Iterable):
            answer = () if answer is None else (answer,)
        # A generator does its work only here, and what it said before it fails counts.
        findings.extend(_checked(finding, impl.plugin) for finding in answer)
    except Exception as error:  # noqa: BLE001 - one broken check must not hide the others
        findings.append(
            Finding(
                "core.E005",
                "error",
                f"The check of plugin {impl.plugin!r} failed. {type(error).__name__}: {error}",
                "Repair the plugin, or disable it.",
                "What the check would have found is unknown.",
            )
        )
    return findings


def _checked(finding: object, plugin: str) -> Finding:
    if isinstance(finding, Finding) and finding.level in LEVELS:
        return finding
    found = f"level {finding.level!r}" if isinstance(finding, Finding) else type_name(finding)
    raise PluginError(
        f"check_app has to return Findings of level {', '.join(LEVELS)}; found {found}.",
        plugin=plugin,
    )
