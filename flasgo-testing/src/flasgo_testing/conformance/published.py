"""The case about hooks that other plugins publish: logins, security events, templates."""

from __future__ import annotations

from collections.abc import Iterator

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


# What is asked of `flasgo` here is there where the plugins are installed that bring it.


async def _enter(request: Request) -> str:
    if hasattr(flasgo, "login") and hasattr(request, "session"):
        flasgo.login(request, flasgo.User("conformance"))
    return "entered"


async def _leave(request: Request) -> str:
    await _enter(request)
    if hasattr(flasgo, "logout") and hasattr(request, "session"):
        flasgo.logout(request)
    return "left"


async def _refused(request: Request) -> str:
    if hasattr(flasgo, "report_failed_login"):
        flasgo.report_failed_login(request, username=None)
    return "refused"


async def _page() -> str:
    if hasattr(flasgo, "render_template_string"):
        return flasgo.render_template_string("<p>{{ 1 + 1 }}</p>")
    return "no templates"
