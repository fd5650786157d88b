"""The Jinja environment: sandboxed, strict, and always escaping."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, MutableMapping
from typing import NoReturn

from flasgo import Connection, Flasgo, Route, Settings
from jinja2 import Template, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import internalcode

from flasgo_templates.modules import RenderedTemplate

__all__ = ["CODE_VERSION", "TemplateEnvironment"]

CODE_VERSION = 2
"""Counts up when this module changes the code that templates compile to, which may be on disk."""

# SECURITY: the author of a template could otherwise walk from `request` to the secret key.
_SEALED = (Flasgo, Settings)
# The server's own callables too, and what calls others or changes what the app will read.
_SEALED_ATTRIBUTES: tuple[tuple[type, frozenset[str]], ...] = (
    (
        Connection,
        frozenset(
            {
                "app",
                "background",
                "close",
                "peek",
                "scope",
            }
        ),
    ),
    (Route, frozenset({"handler", "mounted", "pipeline", "plan", "policies", "scopes"})),
)
_DEQUE_MUTATORS = frozenset({"appendleft", "extendleft", "popleft", "rotate"})


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Jinja's immutable sandbox, which keeps templates from reaching the app and its settings."""

    template_class = RenderedTemplate

    # Jinja fills these in without saying what they may hold.
    filters: dict[str, Callable[..., object]]
    tests: dict[str, Callable[..., object]]
    globals: MutableMapping[str, object]
    advise: Callable[[str], str] | None = None
    """Says how a template gets a name that it asked for in vain; `""` when that is not known."""

    # `object` in place of Jinja's `Any`: nothing here needs to know more.
    def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:
        """Tell whether a template may read an attribute.

        Args:
            obj: The object.
            attr: The attribute's name.
            value: Its value.
        """
        if not super().is_safe_attribute(obj, attr, value):
            return False
        # Jinja takes a deque for a list, and so lets these through.
        if isinstance(obj, deque) and attr in _DEQUE_MUTATORS:
            return False
        if isinstance(value, _SEALED) or isinstance(obj, _SEALED):
            return False
        return not any(
            attr in names and isinstance(obj, kind) for kind, names in _SEALED_ATTRIBUTES
        )

    @internalcode
    def _load_template(
        self,
        name: str,
        globals: MutableMapping[str, object] | None,  # noqa: A002 - Jinja's name
    ) -> Template:
        template = super()._load_template(name, None)
        if globals:
            # SECURITY: Jinja would add them to the cached template, and so to every later
            # rendering of it (CWE-488).
            own = object.__new__(type(template))
            own.__dict__.update(vars(template), globals=self.make_globals(globals))
            return own
        return template

    def _generate(
        self,
        source: nodes.Template,
        name: str | None,
        filename: str | None,
        defer_init: bool = False,
    ) -> str:
        # SECURITY: Jinja calls filters and tests on constants once, while it compiles, and keeps
        # the answer: `{{ "hello"|translate }}` and `{% if "admin" is allowed %}` would show
        # everybody the first visitor's (CWE-488).
        for node in source.find_all((nodes.Filter, nodes.Test)):
            node.as_const = _not_constant
        return super()._generate(source, name, filename, defer_init)


def _not_constant(eval_ctx: object = None) -> NoReturn:
    raise nodes.Impossible
