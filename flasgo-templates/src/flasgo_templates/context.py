"""Context processors: functions of the app that give variables to its templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from flasgo import ConfigurationError, Connection
from flasgo.plugin import is_async, qualified_name, signature_of

__all__ = ["ContextProcessors", "Processor", "as_variables"]

Processor: TypeAlias = Callable[..., Mapping[str, object]]
"""A function that takes nothing, or the request, and returns variables for templates."""


class ContextProcessors:
    """The context processors of one app, in the order they were added."""

    def __init__(self) -> None:
        self._processors: tuple[tuple[Processor, bool], ...] = ()

    def add(self, processor: Processor) -> None:
        """Add a context processor.

        Args:
            processor: Takes nothing, or the request; returns a mapping.

        Raises:
            ConfigurationError: When it is async, or takes other arguments.
        """
        self._processors = (*self._processors, (processor, _wants_request(processor)))

    def collect(self, request: Connection | None) -> dict[str, object]:
        """Return the variables that the processors bring.

        Args:
            request: The request; None outside of one, where only the processors that do not ask
                for it are called.

        Raises:
            TypeError: When a processor returns something other than a mapping.
        """
        values: dict[str, object] = {}
        for processor, wants_request in self._processors:
            if not wants_request:
                values.update(as_variables(processor, processor()))
            elif request is not None:
                values.update(as_variables(processor, processor(request)))
        return values


def _wants_request(processor: Processor) -> bool:
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
