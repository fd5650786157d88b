"""Callables: their names, where they are defined, and whether a call has to be awaited.

Handlers, hooks, callbacks, dependencies, request attributes, backends and permissions may be
functions, methods, partials or objects with `__call__`. What holds for one holds for all of them,
so it is decided here.
"""

from __future__ import annotations

import functools
import inspect
import sys
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    WrapperDescriptorType,
)
from typing import Any

__all__ = [
    "called_by",
    "docstring_of",
    "fixed_names",
    "full_name",
    "generator_of",
    "is_async",
    "is_generator",
    "is_named",
    "is_routine",
    "name_of",
    "qualified_name",
    "signature_of",
    "source_of",
    "written_function",
]

# `inspect.isroutine` counts `functools.partial` since Python 3.14, so the types are named here.
_ROUTINES = (
    FunctionType,
    MethodType,
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    MethodDescriptorType,
    MethodWrapperType,
    WrapperDescriptorType,
)
_MAX_LAYERS = 100


def called_by(function: object) -> object:
    """Return the function whose code runs first when a callable is called.

    Args:
        function: A partial stands for its function, and an object for the `__call__` of its
            class. Functions, methods, classes and objects that C code calls stand for themselves.
    """
    for _ in range(_MAX_LAYERS):
        if isinstance(function, functools.partial):
            function = function.func
        elif isinstance(function, (*_ROUTINES, type)):
            break
        else:
            call = getattr(type(function), "__call__", None)  # noqa: B004 - the function is wanted
            if call is None or isinstance(call, (MethodWrapperType, WrapperDescriptorType)):
                break
            function = call
    return function


def written_function(function: object) -> object:
    """Return the function that describes a callable: its docstring, annotations and source.

    Args:
        function: The wrappers of `functools.wraps`, partials and `__call__` are passed through.
    """
    for _ in range(_MAX_LAYERS):
        called = called_by(function)
        wrapped = getattr(called, "__wrapped__", None)
        if isinstance(called, type) or not callable(wrapped):
            return called
        function = wrapped
    return function


def is_async(function: object) -> bool:
    """Return whether a call returns a coroutine.

    Args:
        function: Any callable. A class is not async: a call makes an instance.
    """
    # The first look sees what `inspect.markcoroutinefunction` has marked.
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called_by(function))


def is_generator(function: object) -> bool:
    """Return whether a call returns a generator, so that none of its code has run yet.

    Args:
        function: Any callable; the generator may be asynchronous.
    """
    called = called_by(function)
    return inspect.isgeneratorfunction(called) or inspect.isasyncgenfunction(called)


def generator_of(function: object) -> object | None:
    """Return the generator function whose generators a callable returns, or None.

    Args:
        function: The callable; what `functools.wraps` has wrapped counts.
    """
    called = called_by(function)
    if is_async(called):
        return None
    written = written_function(called)
    return written if is_generator(written) else None


def name_of(function: object) -> str:
    """Return the short name of a callable, such as `show`; for an object that of its class."""
    return _named(function, "__name__")


def is_named(function: object) -> bool:
    """Return whether somebody has named a callable: not so lambdas, partials and objects."""
    return isinstance(function, (*_ROUTINES, type)) and name_of(function) != "<lambda>"


def qualified_name(function: object) -> str:
    """Return the qualified name of a callable, such as `Shop.show`; for an object its class's."""
    return _named(function, "__qualname__")


def full_name(function: object) -> str:
    """Return the module and the qualified name of a callable, such as `shop.views.Shop.show`."""
    function = _without_partials(function)
    module = getattr(function, "__module__", None)
    return f"{module if isinstance(module, str) else '?'}.{qualified_name(function)}"


def source_of(function: object) -> str:
    """Return where a callable is defined: `file:line`, or its full name where it has no file."""
    written = written_function(function)
    code = getattr(getattr(written, "__func__", written), "__code__", None)
    if code is None:
        return full_name(function)
    return f"{code.co_filename}:{code.co_firstlineno}"


def signature_of(function: Any) -> inspect.Signature:
    """Return the signature of a callable, whose annotations are not evaluated.

    Args:
        function: The callable. `Any`: whatever can be called.

    Raises:
        ValueError: When it has none that can be read, as some callables of C.
        TypeError: When it cannot be called.
    """
    if not isinstance(function, (*_ROUTINES, type, functools.partial)):
        # `inspect` takes an object that is a descriptor for a function of C.
        call = getattr(function, "__call__", None)  # noqa: B004 - the method is wanted
        function = call if isinstance(call, MethodType) else function
    if sys.version_info >= (3, 14):
        from annotationlib import Format

        return inspect.signature(function, annotation_format=Format.STRING)
    return inspect.signature(function)


def fixed_names(function: object) -> set[str]:
    """Return the keywords that partials have set: no one else may set them."""
    names: set[str] = set()
    while isinstance(function, functools.partial):
        names.update(function.keywords)
        function = function.func
    return names


def docstring_of(function: object) -> str:
    """Return the docstring of a callable, without its indentation; empty when it has none.

    An object has that of its `__call__`; a class has none: its own is about its instances.
    """
    written = written_function(function)
    if not is_routine(written) or not written.__doc__:
        return ""
    return inspect.getdoc(written) or ""


def _named(function: object, attribute: str) -> str:
    function = _without_partials(function)
    name = getattr(function, attribute, None)
    return name if isinstance(name, str) else str(getattr(type(function), attribute))


def _without_partials(function: object) -> object:
    while isinstance(function, functools.partial):
        function = function.func
    return function


def is_routine(function: object) -> bool:
    """Return whether a callable is a function or method, of Python or of C."""
    return isinstance(function, _ROUTINES)
