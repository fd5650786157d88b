"""Variables that were not given: errors that say which one, and where."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType
from typing import NamedTuple, NoReturn, cast

from flasgo.plugin import did_you_mean
from jinja2 import StrictUndefined, Template, Undefined, UndefinedError
from jinja2.runtime import Context
from jinja2.utils import internalcode, missing

__all__ = ["LocatedUndefined", "Place", "UndefinedVariableError", "current_place", "names_of"]

_MAX_CANDIDATES = 500
_LOCAL = "l_"  # Jinja's prefix for what a template sets itself: `l_<depth>_<name>`


class Place(NamedTuple):
    """Where in a template something is.

    Attributes:
        template: The template's name; None when it was given as text.
        line: The line, from 1.
    """

    template: str | None
    line: int

    def __str__(self) -> str:
        name = "given as text" if self.template is None else repr(self.template)
        return f"Template {name}, line {self.line}"


class UndefinedVariableError(UndefinedError):
    """Raised when a template uses a variable, attribute or key that is not there.

    Attributes:
        variable: The name that is not there.
        template: The template's name; None when it was given as text, or is not known.
        line: The line of the template, from 1; None when it is not known.
    """

    def __init__(self, message: str, *, variable: str, place: Place | None) -> None:
        super().__init__(message)
        self.variable = variable
        self.template = place.template if place else None
        self.line = place.line if place else None


class LocatedUndefined(StrictUndefined):
    """Stands for what is not there. Whatever a template does with it, but ask, is an error."""

    __slots__ = ()

    @internalcode
    def _fail_with_undefined_error(self, *args: object, **kwargs: object) -> NoReturn:
        place = current_place()
        where = f"{place}: " if place else ""
        if self._undefined_exception is not UndefinedError:  # such as the sandbox's SecurityError
            raise self._undefined_exception(f"{where}{self._undefined_message}")
        message = f"{where}{self._undefined_message}{self._help()}"
        raise UndefinedVariableError(message, variable=str(self._undefined_name), place=place)

    def __aiter__(self) -> NoReturn:
        # Jinja's strict one forgets this: a loop over a missing name is empty where it may await.
        self._fail_with_undefined_error()

    def _help(self) -> str:
        name = self._undefined_name
        if self._undefined_hint or not isinstance(name, str):
            return ""
        if self._undefined_obj is not missing:
            return f".{did_you_mean(name, _members(self._undefined_obj))}"
        advice = _advice(name)
        if advice:
            return f". {advice}"
        return f".{did_you_mean(name, _variables())}" + (
            f" Pass it to the template, or write {{{{ {name}|default(...) }}}} where it may be "
            "missing."
        )


def _rebind() -> None:
    """Have every operation on an undefined value fail through the method above.

    Jinja binds its own method to each of the operators, past any override.
    """
    # Looked up in __dict__, since the class itself would return a bound or wrapped one.
    original = vars(Undefined)["_fail_with_undefined_error"]
    own = vars(LocatedUndefined)["_fail_with_undefined_error"]
    for kind in (Undefined, StrictUndefined):
        for name, value in vars(kind).items():
            if value is original:
                setattr(LocatedUndefined, name, own)


_rebind()


def _frames() -> Iterator[FrameType]:
    """Yield the frames of templates that are being rendered, the innermost first."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if "__jinja_template__" in frame.f_globals:
            yield frame
        frame = frame.f_back


def current_place() -> Place | None:
    """Return where in which template the caller is called from; None outside of a rendering."""
    for frame in _frames():
        template = cast("Template", frame.f_globals["__jinja_template__"])
        line = template.get_corresponding_lineno(frame.f_lineno)
        return Place(template.name, line)
    return None


def _advice(name: str) -> str:
    for frame in _frames():
        advise = getattr(frame.f_globals.get("environment"), "advise", None)
        return advise(name) if advise is not None else ""
    return ""


def names_of(value: object) -> list[str]:
    """Return the names under which the templates that are being rendered know a value.

    Args:
        value: The value itself; what is only equal does not count.
    """
    return [name for name, other in _bindings() if other is value]


def _variables() -> set[str]:
    """Return the names that the template could have meant."""
    names: set[str] = set()
    for name, _ in _bindings():
        names.add(name)
        if len(names) > _MAX_CANDIDATES:
            break
    return names


def _bindings() -> Iterator[tuple[str, object]]:
    for frame in _frames():
        for local, value in frame.f_locals.items():
            if isinstance(value, Context):
                yield from value.get_all().items()
            elif local.startswith(_LOCAL) and value is not missing:
                yield local.removeprefix(_LOCAL).partition("_")[2], value


def _members(obj: object) -> list[str]:
    names = [*obj] if isinstance(obj, dict) else dir(obj)
    public = [name for name in names if isinstance(name, str) and not name.startswith("_")]
    return public[:_MAX_CANDIDATES]
