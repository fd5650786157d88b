"""What `flasgo check` says about the security settings of an app."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from flasgo import Finding, hookimpl

if TYPE_CHECKING:
    from flasgo import Flasgo

__all__ = ["SecurityChecks"]

_SECURE_COOKIES = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE")


class SecurityChecks:
    """Judges the settings of this plugin."""

    @hookimpl
    def check_app(self, app: Flasgo, deploy: bool) -> list[Finding]:
        """Return what weakens the app; most of it matters in production only."""
        findings = list(_always(app))
        if deploy:
            findings += _in_production(app)
        return findings


def _always(app: Flasgo) -> Iterable[Finding]:
    if "*" in cast("set[str]", app.settings["ALLOWED_HOSTS"]):
        yield Finding(
            "security.W001",
            "warning",
            "ALLOWED_HOSTS contains '*': any Host header is believed.",
            "List the host names under which this app is reached.",
        )
    if not app.settings["CSRF_ENABLED"]:
        yield Finding(
            "security.W002",
            "warning",
            "CSRF_ENABLED is False: other sites can send requests in a visitor's name.",
            "Enable it, and mark endpoints that no browser authenticates to @csrf_exempt.",
        )
    if not app.settings["SESSION_COOKIE_HTTP_ONLY"]:
        yield Finding(
            "security.W003",
            "warning",
            "SESSION_COOKIE_HTTP_ONLY is False: scripts can read the session cookie.",
            "Set it to True.",
        )


def _in_production(app: Flasgo) -> Iterable[Finding]:
    for name in _SECURE_COOKIES:
        if not app.settings[name]:
            yield Finding(
                "security.E001",
                "error",
                f"{name} is False: the cookie travels over plain http too.",
                f"Set {name} to True and serve the app over https.",
            )
    if not app.settings["CONTENT_SECURITY_POLICY"]:
        yield Finding(
            "security.W004",
            "warning",
            "CONTENT_SECURITY_POLICY is off.",
            "Set a policy; the default is a good start.",
        )
    if not app.settings["SECURITY_FAILURE_RATE_LIMIT"]:
        yield Finding(
            "security.I001",
            "info",
            "SECURITY_FAILURE_RATE_LIMIT is not set: clients may fail checks without end.",
            "Set it, for example to 100, if the server sees the addresses of the clients "
            "rather than that of a proxy.",
        )
