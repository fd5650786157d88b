"""What the API description takes from docstrings."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest
from flasgo.features.openapi.docstrings import Docs, docs_of


def whole() -> None:
    """First line,
    and its second.

    A paragraph.

    Another one:
    with a colon.

    Args:
        first: What it is,
            on two lines.
        second (int): With a type.
        **rest: All others.

    Returns:
        What comes
        back.

    Raises:
        KeyError: Sometimes.

    Examples:
        {"a": [1, 2]}

        {"b": null}
    """


def empty() -> None: ...


def prose_example() -> None:
    """Summary.

    Example:
        Call it like this.
    """


def deep_example() -> None: ...


deep_example.__doc__ = f"Summary.\n\nExample:\n    {'[' * 100_000}"


def test_all_of_a_docstring() -> None:
    docs = docs_of(whole)
    assert docs.summary == "First line, and its second."
    assert docs.description == "A paragraph.\n\nAnother one:\nwith a colon."
    assert docs.parameters == {
        "first": "What it is, on two lines.",
        "second": "With a type.",
        "rest": "All others.",
    }
    assert docs.returns == "What comes back."
    assert docs.examples == ({"a": [1, 2]}, {"b": None})


@pytest.mark.parametrize("function", [empty, functools.partial(empty), int])
def test_what_has_no_docstring_of_its_own_says_nothing(function: Callable[..., object]) -> None:
    assert docs_of(function) == Docs()


@pytest.mark.parametrize("function", [prose_example, deep_example])
def test_examples_that_are_no_json_are_prose(function: Callable[..., object]) -> None:
    assert docs_of(function) == Docs(summary="Summary.")


def test_a_partial_has_the_docstring_of_its_function() -> None:
    assert docs_of(functools.partial(whole)) == docs_of(whole)
