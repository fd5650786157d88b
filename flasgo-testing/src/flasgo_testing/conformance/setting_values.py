"""Cases about settings: what they refuse, and what they must not tell."""

from __future__ import annotations

import base64
import logging
import math
import typing
from collections.abc import Iterable, Iterator
from types import NoneType, UnionType
from typing import Any

from flasgo import ConfigurationError, FlasgoError, SettingError
from flasgo.plugin import SettingSpec

from .faults import shorten
from .probes import PREFIX
from .rig import Rig
from .subject import Subject

__all__ = ["checks_settings", "flags_secrets"]

_SECRET_WORDS = frozenset(
    {"SECRET", "SECRETS", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "CREDENTIALS", "DSN"}
)
_SECRET_ENDINGS = ("_TOKEN", "_TOKENS", "_API_KEY", "_API_KEYS", "_PRIVATE_KEY", "_ACCESS_KEY")
_MARKER = "conformance-marker-5d41402abc4b2a76b9719d911017c592"


class _Alien:
    """A value that no setting can be."""


# --- Values -----------------------------------------------------------------------------------


def checks_settings(subject: Subject) -> Iterator[str]:
    """Yield the settings that take what they cannot work with."""
    made = subject.make()
    for name in made.owned("setting"):
        spec = made.app.plugins.declarations.settings.get(name)
        if spec is None:
            continue
        yield from _refuses_alien(subject, name)
        for value in _edge_values(spec.type):
            yield from _takes_or_refuses(subject, name, value)


def _refuses_alien(subject: Subject, name: str) -> Iterator[str]:
    try:
        subject.make(settings={name: _Alien()})
    except SettingError as error:
        if error.name != name:
            yield f"A wrong {name} is reported as an error of {error.name!r}."
    except Exception as error:  # noqa: BLE001 - judged here
        yield (
            f"A {name} of the wrong type ends in {type(error).__name__}: {error} It has to be a "
            "SettingError: declare the type that it needs."
        )
    else:
        yield (
            f"{name} takes a value of any type: {_Alien.__name__}() is accepted. Declare the type "
            "that it needs, such as registry.setting(name, int, ...)."
        )


def _edge_values(target: object) -> list[object]:
    """Return values of a type that a plugin may not have thought of."""
    kinds = typing.get_args(target) if _is_union(target) else (target,)
    values: list[object] = []
    for kind in kinds:
        # Any: a class, called below where it is a container.
        origin: Any = typing.get_origin(kind) or kind
        if origin is int:
            values += [-1, 0, 10**30]
        elif origin is float:
            values += [-1.0, 0.0, math.nan, math.inf]
        elif origin is str:
            values += ["", "\x00", "a\r\nb: c", "ü" * 5000]
        elif origin in (list, set, tuple, frozenset) and typing.get_args(kind)[:1] == (str,):
            values += [origin(), origin([""]), origin(["\x00\r\n"])]
        elif origin is dict:
            values.append({})
        elif origin is NoneType:
            values.append(None)
    return values


def _is_union(target: object) -> bool:
    return typing.get_origin(target) in (typing.Union, UnionType)


def _takes_or_refuses(subject: Subject, name: str, value: object) -> Iterator[str]:
    shown = f"{name}={repr(value)[:40]}"
    try:
        rig = Rig(subject, settings={name: value}, has_lifespan=False)
    except (SettingError, ConfigurationError):
        return
    except FlasgoError as error:
        if not isinstance(error.__cause__, (FlasgoError, NoneType)):
            yield (
                f"{shown} is taken, and then: {shorten(error)} Refuse it: "
                "registry.setting(..., check=)."
            )
        return
    except Exception as error:  # noqa: BLE001 - judged here
        yield f"{shown} ends in {type(error).__name__}: {shorten(error)} Refuse it with check=."
        return
    with rig:
        rig.ask(f"{PREFIX}/plain", situation=f"a request with {shown}")
        rig.ask("/nothing-here", situation=f"a 404 with {shown}")
        for fault in rig.judge():
            yield f"{fault} Refuse such a value at set-up: registry.setting(..., check=)."


# --- Secrets ----------------------------------------------------------------------------------


def flags_secrets(subject: Subject) -> Iterator[str]:
    """Yield settings that hold secrets and do not say so, and secrets that get out."""
    made = subject.make()
    specs = [made.app.plugins.declarations.settings.get(name) for name in made.owned("setting")]
    known = [spec for spec in specs if spec is not None]
    for spec in known:
        if not spec.secret and _sounds_secret(spec):
            yield (
                f"{spec.name} sounds like a secret and is shown in listings and on debug pages. "
                f"Declare it so: registry.setting({spec.name!r}, ..., secret=True)."
            )
    yield from _leaks(subject, [spec for spec in known if spec.secret])
    yield from _leaked_key(subject)


def _sounds_secret(spec: SettingSpec) -> bool:
    if not _can_hold_text(spec.type):
        return False
    return not _SECRET_WORDS.isdisjoint(spec.name.split("_")) or spec.name.endswith(_SECRET_ENDINGS)


def _can_hold_text(target: object) -> bool:
    parts = [target, *typing.get_args(target)]
    return any(part in (str, bytes) or typing.get_origin(part) in (list, set) for part in parts)


def _leaks(subject: Subject, specs: Iterable[SettingSpec]) -> Iterator[str]:
    for spec in specs:
        records = _Records()
        root = logging.getLogger()
        root.addHandler(records)
        try:
            rig = Rig(subject, settings={spec.name: _MARKER}, has_lifespan=False)
            with rig:
                answers = [rig.ask(path) for path in (f"{PREFIX}/plain", f"{PREFIX}/raise", "/no")]
        except FlasgoError as error:
            answers = []
            if _MARKER in str(error):
                yield f"The value of {spec.name} stands in an error message: {type(error).__name__}"
        finally:
            root.removeHandler(records)
        if any(answer is not None and _MARKER in repr(answer) for answer in answers):
            yield f"The value of {spec.name} stands in a response."
        if _MARKER in records.text:
            yield f"The value of {spec.name} is written to the log."


def _leaked_key(subject: Subject) -> Iterator[str]:
    """Yield it when the app's SECRET_KEY, in whatever spelling, stands in an answer."""
    for debug in (False, True):
        rig = Rig(subject, settings={"SECRET_KEY": _MARKER, "DEBUG": debug})
        own = [r.path for r in rig.app.routes if "GET" in r.methods and "<" not in r.path]
        with rig:
            rig.probes.gate.set()
            for path in dict.fromkeys((*own, f"{PREFIX}/raise", "/nothing-here")):
                if path == f"{PREFIX}/forever":
                    continue
                answer = rig.ask(path)
                if answer is not None and any(text in repr(answer) for text in _SPELLINGS):
                    when = " under DEBUG" if debug else ""
                    yield (
                        f"SECRET_KEY stands in the answer to GET {path}{when}. Give away no "
                        "settings, or those alone whose declaration does not say secret=True."
                    )
                    return


_SPELLINGS = (
    _MARKER,
    _MARKER.encode().hex(),
    base64.b64encode(_MARKER.encode()).decode().rstrip("=")[:-1],
)


class _Records(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += record.getMessage()
