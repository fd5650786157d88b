"""The hooks that the security plugin publishes."""

from __future__ import annotations

from collections.abc import Mapping

from flasgo import hookspec

from flasgo_security.csp import Sources

__all__ = ["csp_sources"]


@hookspec
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
