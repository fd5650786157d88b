"""Context processors: functions of the app that give variables to its templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from flasgo import ConfigurationError, Connection
from flasgo.plugin import is_async, qualified_name, signature_of

__all__ = ["ContextProcessors", "Processor", "as_variables", "wants_request"]

Processor: TypeAlias = Callable[..., Mapping[str, object]]
"""A function that takes nothing, or the request, and returns variables for templates."""

# A processor, and whether it takes the request.
_Checked: TypeAlias = tuple[Processor, bool]


class ContextProcessors:
    """The context processors of one app and its blueprints, in the order they were added."""

    def __init__(self) -> None:
        # The key is the full name of a blueprint, or None for all templates of the app.
        self._processors: dict[str | None, tuple[_Checked, ...]] = {}

    def add(self, processor: Processor, blueprint: str | None = None) -> None:
        """Add a context processor.

        Args:
            processor: Takes nothing, or the request; returns a mapping.
            blueprint: The full name of a blueprint: the processor is called only for what it and
                those inside it serve. None for all templates of the app.

        Raises:
            ConfigurationError: When it is async, or takes other arguments.
        """
        checked = (processor, wants_request(processor))
        self._processors[blueprint] = (*self._processors.get(blueprint, ()), checked)

    def collect(self, request: Connection | None) -> dict[str, object]:
        """Return the variables that the processors bring.

        Args:
            request: The request; None outside of one, where only the processors that do not ask
                for it are called.

        Raises:
            TypeError: When a processor returns something other than a mapping.
        """
        values: dict[str, object] = {}
        for processor, takes_request in self._applying(request):
            if not takes_request:
                values.update(as_variables(processor, processor()))
            elif request is not None:
                values.update(as_variables(processor, processor(request)))
        return values

    def _applying(self, request: Connection | None) -> tuple[_Checked, ...]:
        """Return the processors of the app, then those of the blueprints around the endpoint."""
        found = self._processors.get(None, ())
        inner = None if request is None else request.blueprint
        if inner is not None and self._processors.keys() - {None}:
            full_name = ""
            for name in inner.split("."):
                full_name = f"{full_name}.{name}" if full_name else name
                found += self._processors.get(full_name, ())
        return found


def wants_request(processor: Processor) -> bool:
    """Tell whether a context processor takes the request.

    Args:
        processor: The processor.

    Raises:
        ConfigurationError: When it is async, or takes other arguments.
    """
    name = qualified_name(processor)
    if is_async(processor):
        raise ConfigurationError(
            f"Context processor {name} is async, and templates are rendered synchronously as "
            "well. Use def; to await something in a template, return a coroutine function and "
            "render with app.templates.render_async."
        )
    try:
        signature = signature_of(processor)
    except ValueError:
        return False
    for arguments in ((), (None,)):
        try:
            signature.bind(*arguments)
        except TypeError:
            continue
        return bool(arguments)
    raise ConfigurationError(
        f"Context processor {name} must take no argument, or the request, got {name}{signature}."
    )


def as_variables(source: Callable[..., object], answer: object) -> Mapping[str, object]:
    """Return what a hook or processor answered, as variables; None stands for none.

    Args:
        source: What answered, for the error.
        answer: The answer.

    Raises:
        TypeError: When it is neither a mapping nor None.
    """
    if answer is None:
        return {}
    if not isinstance(answer, Mapping):
        raise TypeError(
            f"{qualified_name(source)} must return a mapping of template "
            f"variables, got {type(answer).__name__}."
        )
    return answer
