"""The ways into the kit: as tests for pytest, and as plain functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypedDict, Unpack

from flasgo import Policy
from flasgo.plugin import did_you_mean

from .cases import CASES, Case
from .faults import CaseStopped, ConformanceError
from .subject import Source, Subject

__all__ = ["SuiteOptions", "check", "find_faults", "suite"]


class SuiteOptions(TypedDict, total=False):
    """What a plugin may need to be tested.

    Attributes:
        settings: Settings without a default that every app must be given.
        options: Keywords of `Flasgo(...)` that every app must be given.
        policies: Policies to put on routes, so that hooks with `when=` are tried.
        headers: Headers of ordinary requests, such as credentials.
        seconds: How long one request may take at most; 2 by default.
        skip: Cases to leave out, each with the reason.
        plugins: Other plugins that it needs, such as those in its `requires`: classes, functions
            that make an instance, or modules. Every app gets an instance of its own.
        samples: Values of types that it encodes (`registry.encodes`), and models of its families
            (`registry.models`): handlers send them, and read the models.
    """

    settings: Mapping[str, object]
    options: Mapping[str, object]
    policies: Iterable[Policy]
    headers: Mapping[str, str]
    seconds: float
    skip: Mapping[str, str]
    plugins: Iterable[Source]
    samples: Iterable[object]


def suite(plugin: Source, **options: Unpack[SuiteOptions]) -> Callable[[Case], None]:
    """Make a pytest test out of every case: `test_plugin = conformance.suite(MyPlugin)`.

    Args:
        plugin: The plugin's class, a function that makes an instance, or a module.
        options: See `SuiteOptions`.

    Returns:
        A parametrized test function.

    Raises:
        TypeError: When `plugin`, or one of `plugins=`, is an instance.
        ValueError: When `skip` names an unknown case, or gives no reason.
    """
    import pytest

    subject, cases = _prepared(plugin, options)

    @pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])
    def test_conformance(case: Case) -> None:
        __tracebackhide__ = True
        _demand(case, subject)

    return test_conformance


def check(plugin: Source, **options: Unpack[SuiteOptions]) -> None:
    """Try every case, and raise the first fault.

    Args:
        plugin: As for `suite`.
        options: See `SuiteOptions`.

    Raises:
        ConformanceError: When the plugin does not conform.
    """
    subject, cases = _prepared(plugin, options)
    for case in cases:
        _demand(case, subject)


def find_faults(plugin: Source, **options: Unpack[SuiteOptions]) -> dict[str, list[str]]:
    """Try every case and return what was found.

    Args:
        plugin: As for `suite`.
        options: See `SuiteOptions`.

    Returns:
        The faults by the name of the case; a plugin that conforms has none.
    """
    subject, cases = _prepared(plugin, options)
    found = {case.name: _faults_of(case, subject) for case in cases}
    return {name: faults for name, faults in found.items() if faults}


def _prepared(plugin: Source, options: SuiteOptions) -> tuple[Subject, list[Case]]:
    skip = options.get("skip", {})
    names = [case.name for case in CASES]
    for name, reason in skip.items():
        if name not in names:
            raise ValueError(
                f"skip={{{name!r}: ...}} names no case.{did_you_mean(name, names)} "
                f"Cases are: {', '.join(names)}."
            )
        if not (isinstance(reason, str) and reason.strip()):
            raise ValueError(f"skip={{{name!r}: {reason!r}}} gives no reason; say why.")
    subject = Subject(
        plugin,
        settings=dict(options.get("settings", {})),
        options=dict(options.get("options", {})),
        policies=tuple(options.get("policies", ())),
        headers=dict(options.get("headers", {})),
        seconds=options.get("seconds", 2.0),
        plugins=tuple(options.get("plugins", ())),
        samples=tuple(options.get("samples", ())),
    )
    return subject, [case for case in CASES if case.name not in skip]


def _demand(case: Case, subject: Subject) -> None:
    __tracebackhide__ = True
    faults = _faults_of(case, subject)
    if faults:
        raise ConformanceError(subject.label, case.name, [*faults, f"Demanded is: {case.demand}"])


def _faults_of(case: Case, subject: Subject) -> list[str]:
    faults: list[str] = []
    try:
        for fault in case.find(subject):
            faults.append(fault)  # noqa: PERF402 - those before an exception are kept
    except CaseStopped as stop:
        faults.append(str(stop))
    except Exception as error:  # noqa: BLE001 - what a plugin does to an app is a fault of it
        advice = " Give the kit what it requires: plugins=[...]." if _is_alone(subject) else ""
        shown = f"{type(error).__name__}: {error}"
        faults.append(f"An app with it cannot be made or served: {shown}{advice}")
    return faults


def _is_alone(subject: Subject) -> bool:
    return bool(getattr(subject.plugin, "requires", ())) and not subject.plugins
