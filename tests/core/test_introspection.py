"""`help()` and `inspect.signature()` take every public class, as editors need it."""

from __future__ import annotations

import importlib
import inspect
import pydoc
import typing
from dataclasses import is_dataclass

import pytest
from msgspec import Struct

MODULES = (
    *("flasgo", "flasgo.plugin", "flasgo_auth", "flasgo_security", "flasgo_static"),
    *("flasgo_templates", "flasgo_testing"),
)
ABOVE = {"PlacedBlueprint"}
"""Have fields of classes from modules that import theirs."""


def public_classes(module: str) -> list[type]:
    found = importlib.import_module(module)
    return [each for name in found.__all__ if isinstance(each := getattr(found, name), type)]


@pytest.mark.parametrize("module", MODULES)
def test_every_public_class_shows_its_signature(module: str) -> None:
    failed = []
    for kind in public_classes(module):
        try:
            inspect.signature(kind)
        except ValueError:  # an exception or TypedDict without an __init__ of its own
            pydoc.plain(pydoc.render_doc(kind))
        except Exception as error:
            failed.append(f"{kind.__qualname__}: {error!r}")
    assert failed == []


@pytest.mark.parametrize("module", MODULES)
def test_the_types_of_every_record_can_be_read(module: str) -> None:
    failed = []
    for kind in public_classes(module):
        if (issubclass(kind, Struct) or is_dataclass(kind)) and kind.__name__ not in ABOVE:
            try:
                typing.get_type_hints(kind)
            except NameError as error:
                failed.append(f"{kind.__qualname__}: {error}")
    assert failed == []
