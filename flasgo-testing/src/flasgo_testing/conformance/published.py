"""The case about hooks that other plugins publish: logins, security events, templates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flasgo
from flasgo import Request
from flasgo.plugin import REQUEST_HOOKS, SETUP_HOOKS

from .probes import PREFIX
from .rig import Rig
from .subject import Subject

__all__ = ["hears_other_plugins"]


def hears_other_plugins(subject: Subject) -> Iterator[str]:
    """Yield what goes wrong in hooks that installed plugins call."""
    rig = Rig(subject, discover=True)
    own = set(rig.app.plugins[rig.made.name].hooks) - {*REQUEST_HOOKS, *SETUP_HOOKS}
    if not own:
        return
    for name, handler in (
        ("enter", _enter),
        ("leave", _leave),
        ("refused", _refused),
        ("page", _page),
    ):
        path = f"{PREFIX}/published/{name}"
        rig.app.add_route(path, handler, endpoint=f"conformance.published-{name}")
    with rig:
        for name in ("enter", "leave", "refused", "page"):
            path, situation = f"{PREFIX}/published/{name}", _SITUATIONS[name]
            scope = rig.scope(path, situation=situation)
            answer = rig.send(scope)
            error = scope.get("flasgo.exception")
            if name == "page" and answer is not None and answer.status >= 500:
                cause = error.__cause__ or error if isinstance(error, Exception) else error
                yield f"{situation} fails: {type(cause).__name__}: {cause}"
            scope = rig.scope(path, headers=(), situation=f"{situation}, without headers")
            rig.send(scope)
        rig.ask("/nothing-here", situation="a wrong Host", headers={"host": "evil.example"})
        rig.ask(f"{PREFIX}/plain", "POST", situation="a request without a CSRF token")
        yield from rig.judge()


_SITUATIONS = {
    "enter": "a login",
    "leave": "a logout",
    "refused": "a failed login",
    "page": "a page from a template",
}


# `Any`: a function of a plugin's package.
def _offered(name: str) -> Any:
    """Return what `flasgo` offers under a name, or None where its package is not installed."""
    try:
        return getattr(flasgo, name, None)
    except ImportError:
        return None


async def _enter(request: Request) -> str:
    login, user = _offered("login"), _offered("User")
    if login is not None and hasattr(request, "session"):
        login(request, user("conformance"))
    return "entered"


async def _leave(request: Request) -> str:
    await _enter(request)
    logout = _offered("logout")
    if logout is not None and hasattr(request, "session"):
        logout(request)
    return "left"


async def _refused(request: Request) -> str:
    report = _offered("report_failed_login")
    if report is not None:
        report(request, username=None)
    return "refused"


async def _page() -> str:
    render = _offered("render_template_string")
    return "no templates" if render is None else render("<p>{{ 1 + 1 }}</p>")
