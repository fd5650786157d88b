"""The Jinja environment: sandboxed, strict, and always escaping."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, MutableMapping

from flasgo import Connection, Flasgo, Route, Settings
from jinja2.sandbox import ImmutableSandboxedEnvironment

__all__ = ["TemplateEnvironment"]

# SECURITY: whoever can write a template could otherwise walk from `request` to the secret key.
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
                "read_piece",
                "scope",
                "server_receive",
                "wait_closed",
            }
        ),
    ),
    (Route, frozenset({"handler", "mounted", "pipeline", "plan", "policies", "scopes"})),
)
_DEQUE_MUTATORS = frozenset({"appendleft", "extendleft", "popleft", "rotate"})


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Jinja's immutable sandbox, which keeps templates from reaching the app and its settings."""

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
