"""The size of the core and the length of its request path have ceilings (DESIGN 8)."""

from __future__ import annotations

from functools import cache
from textwrap import dedent

import pytest

from benchmarks.size import CEILINGS, Figures, code_lines, layers, main, measure


@cache
def figures() -> Figures:
    return measure()


def test_the_core_stays_small() -> None:
    assert figures().lines <= CEILINGS["lines"]


def test_the_folder_of_the_package_stays_clear() -> None:
    assert len(figures().top_files) <= CEILINGS["top_files"], figures().top_files


def test_no_function_is_long() -> None:
    assert figures().longest.lines <= CEILINGS["longest"], figures().longest


@pytest.mark.parametrize("which", ["calls_bundle", "calls_core"])
def test_a_request_calls_few_functions(which: str) -> None:
    assert 10 <= getattr(figures(), which) <= CEILINGS[which]


def test_lines_without_code_do_not_count() -> None:
    source = '''
        """A docstring,
        of two lines."""

        # A comment.
        LIMIT = 1  # another one
        """What stands under an attribute."""


        def read(
            name: str,
        ) -> str:
            """Return it."""
            return """two
        lines"""
    '''
    assert code_lines(dedent(source)) == 6


def test_the_figures_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    printed = capsys.readouterr().out
    assert "lines of code of the core" in printed
    assert all(f"\n{floor:<16}" in printed for floor, *_ in layers())
