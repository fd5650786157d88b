"""What belongs to the whole process, and what has become of it since: for the kit alone.

Imports the standard library only: the program that tries orders of import uses it before `flasgo`
has been imported.
"""

from __future__ import annotations

import asyncio
import gc
import locale
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import (
    BuiltinFunctionType,
    FunctionType,
    MethodDescriptorType,
    ModuleType,
    WrapperDescriptorType,
)

__all__ = ["CORE_PACKAGES", "ProcessState"]

CORE_PACKAGES = (
    "flasgo",
    "flasgo_auth",
    "flasgo_security",
    "flasgo_static",
    "flasgo_templates",
    "flasgo_testing",
)
_CODE = (
    FunctionType,
    BuiltinFunctionType,
    MethodDescriptorType,
    WrapperDescriptorType,
    type,
    property,
    classmethod,
    staticmethod,
)
_LOGGERS = ("flasgo", "uvicorn", "asyncio")


class ProcessState:
    """The state of the process at one moment.

    Args:
        own: The top-level package of the plugin under test, whose own code may change.
    """

    def __init__(self, own: str = "") -> None:
        self._own = own
        self._environment = dict(os.environ)
        self._values = {name: get() for name, get, _ in _items()}
        self._code = dict(_code(own))

    def changes(self) -> Iterator[str]:
        """Yield what has changed since, as the beginning of a sentence."""
        now = dict(os.environ)
        for name in sorted(self._environment.keys() | now.keys()):
            # Pytest notes there which test it runs.
            if self._environment.get(name) != now.get(name) and name != "PYTEST_CURRENT_TEST":
                yield f"os.environ[{name!r}] is {'set' if name in now else 'gone'}"
        for name, get, _ in _items():
            if name in self._values and self._values[name] != (after := get()):
                yield f"{name} is {_shown(after)}, and was {_shown(self._values[name])}"
        yield from self._patches()

    def _patches(self) -> Iterator[str]:
        after = dict(_code(self._own))
        classes = {key[0] for key in self._code if isinstance(key[0], type)}
        for key, value in after.items():
            holder, name = key
            before = self._code.get(key)
            if before is value:
                continue
            if before is not None:
                yield f"{_described(holder, name)} is replaced by {_origin(value)}"
            elif isinstance(holder, type) and holder in classes:
                yield f"{_described(holder, name)} is added: {_origin(value)}"
        for key in self._code.keys() - after.keys():
            if isinstance(key[0], type) or _is_loaded(key[0]):
                yield f"{_described(*key)} is gone"

    def restore(self) -> None:
        """Put back what can be put back."""
        for name in os.environ.keys() - self._environment.keys() - {"PYTEST_CURRENT_TEST"}:
            del os.environ[name]
        for name, value in self._environment.items():
            if os.environ.get(name) != value and name != "PYTEST_CURRENT_TEST":
                os.environ[name] = value
        for name, get, put in _items():
            if name in self._values and get() != self._values[name]:
                with suppress(OSError, ValueError, TypeError):
                    put(self._values[name])
        after = dict(_code(self._own))
        classes = {key[0] for key in self._code if isinstance(key[0], type)}
        for key in after.keys() - self._code.keys():
            if isinstance(key[0], type) and key[0] in classes:
                delattr(*key)
        for key, value in self._code.items():
            if after.get(key) is not value:
                with suppress(AttributeError, TypeError):
                    setattr(*key, value)


# --- Values -----------------------------------------------------------------------------------

# What it is called, how it is read, and how it is put back.
_Item = tuple[str, Callable[[], object], Callable[..., object]]


def _items() -> Iterator[_Item]:
    yield "the working directory", os.getcwd, os.chdir
    for number in signal.valid_signals():
        name = f"the handler of {_name_of(number)}"
        yield (
            name,
            lambda n=number: signal.getsignal(n),
            lambda old, n=number: signal.signal(n, old),
        )
    for holder, name in (
        (sys, "excepthook"),
        (sys, "unraisablehook"),
        (sys, "displayhook"),
        (sys, "stdout"),
        (sys, "stderr"),
        (threading, "excepthook"),
    ):
        yield (
            f"{holder.__name__}.{name}",
            lambda h=holder, n=name: getattr(h, n, None),
            lambda old, h=holder, n=name: setattr(h, n, old),
        )
    yield "the event loop policy", _policy, lambda old: setattr(asyncio.events, _POLICY, old)
    yield "sys.getrecursionlimit()", sys.getrecursionlimit, sys.setrecursionlimit
    yield "sys.getswitchinterval()", sys.getswitchinterval, sys.setswitchinterval
    yield "gc.get_threshold()", gc.get_threshold, lambda old: gc.set_threshold(*old)
    yield "gc.isenabled()", gc.isenabled, lambda old: gc.enable() if old else gc.disable()
    yield "socket.getdefaulttimeout()", socket.getdefaulttimeout, socket.setdefaulttimeout
    yield (
        "the locale",
        lambda: locale.setlocale(locale.LC_ALL),
        lambda old: locale.setlocale(locale.LC_ALL, old),
    )
    yield "logging.getLoggerClass()", logging.getLoggerClass, logging.setLoggerClass
    yield (
        "logging.getLogRecordFactory()",
        logging.getLogRecordFactory,
        logging.setLogRecordFactory,
    )
    yield "logging.disable()", lambda: logging.root.manager.disable, logging.disable
    for logger in _loggers():
        yield from _items_of(logger)


_POLICY = "_event_loop_policy"  # Python 3.14 warns where it is asked for by its function


def _policy() -> object:
    policy = getattr(asyncio.events, _POLICY, None)
    # asyncio makes its own when it first needs one.
    return None if type(policy).__module__.startswith("asyncio.") else policy


def _loggers() -> list[logging.Logger]:
    for name in _LOGGERS:
        logging.getLogger(name)  # so that it is there to be looked at
    known = logging.root.manager.loggerDict
    return [logging.root] + [
        logger
        for name, logger in sorted(known.items())
        if isinstance(logger, logging.Logger) and name.partition(".")[0] in _LOGGERS
    ]


def _items_of(logger: logging.Logger) -> Iterator[_Item]:
    shown = "the root logger" if logger is logging.root else f"the logger {logger.name!r}"
    yield f"the level of {shown}", lambda: logger.level, logger.setLevel
    for name in ("disabled", "propagate"):
        yield (
            f"{name} of {shown}",
            lambda n=name: getattr(logger, n),
            lambda old, n=name: setattr(logger, n, old),
        )
    for name in ("handlers", "filters"):
        yield (
            f"the list of {name} of {shown}",
            lambda n=name: tuple(getattr(logger, n)),
            lambda old, n=name: setattr(logger, n, list(old)),
        )


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # one of those for real-time use
        return f"signal {number}"


def _shown(value: object) -> str:
    if isinstance(value, tuple) and value and all(isinstance(v, logging.Handler) for v in value):
        return "[" + ", ".join(type(v).__name__ for v in value) + "]"
    if isinstance(value, (str, int, float, bool, tuple, type(None))):
        return repr(value)
    return getattr(value, "__qualname__", None) or repr(value)


# --- Code -------------------------------------------------------------------------------------


def _watched_modules(own: str = "") -> Iterator[ModuleType]:
    """Yield the modules of the standard library and of Flasgo that are imported."""
    for name, module in list(sys.modules.items()):
        top = name.partition(".")[0]
        watched = top in sys.stdlib_module_names or top in CORE_PACKAGES
        if watched and top != own and isinstance(module, ModuleType) and module.__name__ == name:
            yield module


def _code(own: str) -> Iterator[tuple[tuple[ModuleType | type, str], object]]:
    seen: set[int] = set()
    for module in _watched_modules(own):
        for name, value in list(vars(module).items()):
            if not issubclass(type(value), _CODE):
                continue
            yield (module, name), value
            is_class = issubclass(type(value), type) and isinstance(value, type)
            if is_class and id(value) not in seen and value.__module__ == module.__name__:
                seen.add(id(value))
                for inner, member in list(vars(value).items()):
                    if issubclass(type(member), _CODE) and inner != "__class__":
                        yield (value, inner), member


def _is_loaded(holder: object) -> bool:
    return any(module is holder for module in list(sys.modules.values()))


def _described(holder: ModuleType | type, name: str) -> str:
    """Return how a name of a module or class is written."""
    if isinstance(holder, ModuleType):
        return f"{holder.__name__}.{name}"
    return f"{holder.__module__}.{holder.__qualname__}.{name}"


def _origin(value: object) -> str:
    function = getattr(value, "__func__", None) or getattr(value, "fget", None) or value
    code = getattr(function, "__code__", None)
    shown = getattr(function, "__qualname__", None) or repr(value)
    return f"{shown} ({code.co_filename}:{code.co_firstlineno})" if code is not None else shown
