"""The hooks that flasgo-templates publishes for other plugins.

A plugin that also works without flasgo-templates marks its implementations with
`@hookimpl(optionalhook=True)`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from flasgo import Request, hookspec

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = [
    "template_context",
    "template_directories",
    "template_environment",
    "template_globals",
]


@hookspec(sync=True)
def template_context(request: Request) -> Mapping[str, object] | None:
    """Add variables to templates that are rendered while a request is served.

    When:
        At each rendering inside a request. `def` only (it must not block): templates are
        rendered synchronously as well.

    Args:
        request: The request or WebSocket connection.

    Returns:
        Names and values, or None. A later plugin wins over an earlier one, the app's context
        processors over plugins, and what is passed to `render_template` over all.

    Example:
        ```python
        @hookimpl(optionalhook=True)
        def template_context(self, request):
            return {"theme": request.cookies.get("theme", "light")}
        ```
    """


@hookspec(sync=True)
def template_globals() -> Mapping[str, object] | None:
    """Add functions and constants that are the same for every rendering.

    Unlike variables, globals are visible in macros that are imported without context.

    When:
        Once per app, before the first rendering. `def` only.

    Returns:
        Names and values, or None. Two plugins with one name are an error that names both.

    Example:
        ```python
        @hookimpl(optionalhook=True)
        def template_globals(self):
            return {"static_url": self.static_url}
        ```
    """


@hookspec(sync=True)
def template_directories() -> Mapping[str, str | os.PathLike[str]] | None:
    """Bring templates along.

    When:
        Once per app, before the first rendering. `def` only.

    Returns:
        Absolute directories by prefix, or None. With `{"shop": ...}` the file `cart.html` is the
        template `shop/cart.html`. The app's own directories are searched first, so an app
        replaces it with a `shop/cart.html` of its own. Two plugins with one prefix are an error
        that names both.

    Example:
        ```python
        @hookimpl(optionalhook=True)
        def template_directories(self):
            return {"shop": Path(__file__).parent / "templates"}
        ```
    """


@hookspec(sync=True)
def template_environment(environment: Environment) -> None:
    """Add to the Jinja environment of the app: extensions, filters, tests, policies.

    SECURITY: the sandbox, escaping, strict variables and the loader stay as they are; a plugin that
    changes them is refused.

    When:
        Once for each environment, before it renders anything: again after a second
        `configure_templates`. `def` only.

    Args:
        environment: The environment. Variables and functions are better brought by
            `template_context` and `template_globals`, which find clashes.

    Example:
        ```python
        @hookimpl(optionalhook=True)
        def template_environment(self, environment):
            environment.add_extension("jinja2.ext.i18n")
            environment.install_gettext_callables(self.gettext, self.ngettext, newstyle=True)
        ```
    """
