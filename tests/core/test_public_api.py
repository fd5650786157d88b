"""The public surface is a fact: `__all__`, docstrings, annotations."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flasgo
import pytest

MODULES = [
    "flasgo",
    *sorted(
        info.name
        for info in pkgutil.walk_packages(flasgo.__path__, "flasgo.")
        if not info.name.endswith("__main__")
    ),
]


def load(name: str) -> types.ModuleType:
    return importlib.import_module(name)


def exported_by(module: types.ModuleType) -> list[str]:
    """Return `__all__`; a package that is nothing but a folder of modules may go without."""
    return getattr(module, "__all__", []) if hasattr(module, "__path__") else module.__all__


def defined_in(module: types.ModuleType) -> Iterator[tuple[str, Any]]:
    """Iterate over the public functions and classes that a module itself defines."""
    for name, member in vars(module).items():
        if (
            not name.startswith("_")
            and (inspect.isfunction(member) or inspect.isclass(member))
            and member.__module__ == module.__name__
        ):
            yield name, member


def rank(name: str) -> tuple[int, str]:
    """Return where a name belongs in `__all__`: constants, classes, the rest."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


@pytest.mark.parametrize("name", MODULES)
def test_all_is_sorted_and_names_what_exists(name: str) -> None:
    module = load(name)
    exported = exported_by(module)
    assert len(set(exported)) == len(exported)
    assert exported == sorted(exported, key=rank)
    for member in exported:
        assert hasattr(module, member), member


@pytest.mark.parametrize("name", MODULES)
def test_all_names_whatever_public_the_module_defines(name: str) -> None:
    module = load(name)
    missing = [member for member, _ in defined_in(module) if member not in exported_by(module)]
    assert missing == [], f"list them in __all__, or give them a leading underscore: {missing}"


@pytest.mark.parametrize("name", MODULES)
def test_the_module_and_what_it_defines_have_docstrings(name: str) -> None:
    module = load(name)
    assert module.__doc__
    for member, value in defined_in(module):
        # A dataclass without a docstring is given its signature for one.
        generated = dataclasses.is_dataclass(value) and str(value.__doc__).startswith(f"{member}(")
        assert value.__doc__, member
        assert not generated, member


def public_methods(kind: type) -> Iterator[tuple[str, Any]]:
    for name, member in vars(kind).items():
        if name.startswith("_"):
            continue
        function = getattr(member, "__func__", getattr(member, "fget", member))
        if inspect.isfunction(function):
            yield name, function


def is_described_elsewhere(kind: type, name: str) -> bool:
    """Whether a method overrides one that has a docstring, or that another project defines."""
    return any(
        vars(base)[name].__doc__ or not base.__module__.startswith("flasgo")
        for base in kind.__mro__[1:]
        if name in vars(base)
    )


@pytest.mark.parametrize("name", MODULES)
def test_public_methods_have_docstrings(name: str) -> None:
    for member, kind in defined_in(load(name)):
        if not inspect.isclass(kind):
            continue
        for method, function in public_methods(kind):
            described = function.__doc__ or is_described_elsewhere(kind, method)
            assert described, f"{member}.{method}"


@pytest.mark.parametrize("name", MODULES)
def test_public_functions_are_fully_typed(name: str) -> None:
    for member, value in defined_in(load(name)):
        functions = [(member, value)] if inspect.isfunction(value) else public_methods(value)
        for label, function in functions:
            signature = inspect.signature(function)
            assert signature.return_annotation is not signature.empty, f"{member}.{label}"
            for parameter in list(signature.parameters.values()):
                if parameter.name not in {"self", "cls"}:
                    assert parameter.annotation is not parameter.empty, f"{member}.{label}"


@pytest.mark.parametrize("name", MODULES)
def test_exceptions_say_when_they_are_raised(name: str) -> None:
    for member, value in defined_in(load(name)):
        if inspect.isclass(value) and issubclass(value, Exception):
            assert (value.__doc__ or "").startswith("Raised "), member


def test_every_exception_is_exported_and_a_flasgo_error() -> None:
    from flasgo import errors

    for name in errors.__all__:
        member = getattr(errors, name)
        if not inspect.isclass(member):
            continue
        assert getattr(flasgo, name) is member
        if not issubclass(member, flasgo.HTTPException):
            assert issubclass(member, flasgo.FlasgoError)


def test_the_vocabulary_of_plugin_authors_is_there() -> None:
    vocabulary = {
        "HookError",
        "Policy",
        "PluginError",
        "PluginInfo",
        "Registry",
        "Route",
        "UnenforcedPolicyError",
        "attach_policy",
        "context_proxy",
        "has_policy",
        "hookimpl",
        "hookspec",
    }
    assert vocabulary <= set(flasgo.__all__)


def test_the_package_is_typed_and_knows_its_version() -> None:
    from importlib.metadata import version

    root = Path(flasgo.__file__).parent
    assert (root / "py.typed").is_file()
    assert flasgo.__version__ == version("flasgo-core")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = flasgo.nonsense  # ty: ignore[missing-attribute]
    with pytest.raises(ImportError):
        exec("from flasgo import nonsense")


def test_dir_lists_what_can_be_imported() -> None:
    assert set(flasgo.__all__) <= set(dir(flasgo))
