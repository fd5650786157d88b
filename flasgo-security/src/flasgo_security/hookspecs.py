"""The hooks that the security plugin publishes."""

from __future__ import annotations

from collections.abc import Mapping

from flasgo import hookspec

from flasgo_security.csp import Sources
from flasgo_security.events import SecurityEvent

__all__ = ["csp_sources", "security_event_reported"]


@hookspec(sync=True)
def security_event_reported(event: SecurityEvent) -> None:
    """Take note of a request that was refused for security's sake, or tried something.

    Kinds are `csrf` (tokens, and origins of requests and WebSockets), `host`, `head`, `session`,
    `ssrf`, `denied` (a 401 or 403 of the app), `ratelimit`, `throttled`, those of flasgo-auth
    (`auth.unauthenticated`, `auth.forbidden`, `auth.conflict`, `auth.login_failed`), and what apps
    report with `security_event`.

    When:
        As soon as the event is known, before the request is answered. `def` only (it must not
        block); slow work goes into `event.request.background`. An error here is logged with the
        plugin's name, and changes nothing.

    Args:
        event: What has happened.

    Example:
        ```python
        @hookimpl(optionalhook=True)
        def security_event_reported(self, event):
            self.counts[event.kind] += 1
        ```
    """


@hookspec(sync=True)
def csp_sources() -> Mapping[str, Sources] | None:
    """Contribute sources to the app's Content-Security-Policy.

    When:
        Once the app is created, and once more when it starts. `def` only.

    Returns:
        Sources by directive, added to those of the settings; None for nothing. A policy that is
        switched off stays off, and `@csp("...")` with a whole policy takes no contributions.

    Example:
        ```python
        @hookimpl(optionalhook=True)
        def csp_sources(self):
            return {"script-src": ["https://widgets.example.com"]}
        ```
    """
