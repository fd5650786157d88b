"""Exceptions taken apart for showing: the chain, its frames, and the source around each."""

from __future__ import annotations

import linecache
import sysconfig
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType, TracebackType

__all__ = ["Failure", "Frame", "chain"]

_CONTEXT_BEFORE = 6
_CONTEXT_AFTER = 4
_MAX_FRAMES = 60
_MAX_CHAIN = 12
_MAX_LINE = 300


@dataclass(frozen=True, slots=True)
class Frame:
    """One call on the way to an exception.

    Attributes:
        path: The source file.
        line: The number of the line that was being run.
        function: The function's qualified name.
        is_own: Whether it is the app's code, not a library's.
        source: Numbers and lines around that line; empty where there is no source.
        span: The columns of the expression that failed, from and up to; None where unknown.
        left_out: How many frames between this one and the next are not shown.
    """

    path: str
    line: int
    function: str
    is_own: bool
    source: tuple[tuple[int, str], ...]
    span: tuple[int, int] | None
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """One exception of a chain.

    Attributes:
        error: The exception.
        relation: How it led to the one shown before: `"cause"`, `"context"`, `"member"` of a
            group, or `""` for the first.
        frames: Its frames, the most recent call first.
    """

    error: BaseException
    relation: str
    frames: tuple[Frame, ...]


def chain(error: BaseException) -> list[Failure]:
    """Return an exception, what caused it, and the members of groups, bounded in number.

    Args:
        error: The exception that was raised last.
    """
    found: list[Failure] = []
    seen: set[int] = set()
    pending: list[tuple[BaseException, str]] = [(error, "")]
    while pending and len(found) < _MAX_CHAIN:
        current, relation = pending.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        found.append(Failure(current, relation, _frames(current.__traceback__)))
        if isinstance(current, BaseExceptionGroup):
            pending += [(member, "member") for member in current.exceptions]
        if current.__cause__ is not None:
            pending.append((current.__cause__, "cause"))
        elif current.__context__ is not None and not current.__suppress_context__:
            pending.append((current.__context__, "context"))
    return found


def _frames(start: TracebackType | None) -> tuple[Frame, ...]:
    steps: list[TracebackType] = []
    while start is not None:
        steps.append(start)
        start = start.tb_next
    steps.reverse()
    skipped = len(steps) - _MAX_FRAMES
    if skipped <= 0:
        return tuple(_frame(step) for step in steps)
    half = _MAX_FRAMES // 2
    recent = [_frame(step) for step in steps[:half]]
    recent[-1] = replace(recent[-1], left_out=skipped)
    return (*recent, *(_frame(step) for step in steps[-half:]))


def _frame(step: TracebackType) -> Frame:
    frame = step.tb_frame
    code = frame.f_code
    line = step.tb_lineno or code.co_firstlineno
    source = _source(frame, line)
    return Frame(
        path=code.co_filename,
        line=line,
        function=_name(code),
        is_own=_is_own(frame),
        source=source,
        span=_span(code, step.tb_lasti, line, dict(source).get(line)),
    )


def _name(code: CodeType) -> str:
    """Return a function's qualified name; template engines put what they mean into `co_name`."""
    qualified = getattr(code, "co_qualname", code.co_name)
    return qualified if qualified.rpartition(".")[2] == code.co_name else code.co_name


def _source(frame: FrameType, line: int) -> tuple[tuple[int, str], ...]:
    path = frame.f_code.co_filename
    linecache.checkcache(path)  # the file may have been saved since
    lines = linecache.getlines(path, frame.f_globals)
    first = max(1, line - _CONTEXT_BEFORE)
    return tuple(
        (number, text.rstrip("\r\n")[:_MAX_LINE])
        for number, text in enumerate(lines[first - 1 : line + _CONTEXT_AFTER], first)
    )


def _span(code: CodeType, instruction: int, line: int, text: str | None) -> tuple[int, int] | None:
    """Return the columns of the failing expression, where it is not the whole line anyway."""
    # In a template's file the columns are those of the Python code that it was compiled to.
    if text is None or instruction < 0 or not code.co_filename.endswith(".py"):
        return None
    position = next(islice(code.co_positions(), instruction // 2, None), None)
    if position is None:
        return None
    first, last, start, stop = position
    if first != line or last != line or start is None or stop is None:
        return None
    encoded = text.encode("utf-8", "replace")  # positions count bytes
    begin = len(encoded[:start].decode("utf-8", "replace"))
    end = len(encoded[:stop].decode("utf-8", "replace"))
    if begin >= end or text[begin:end].strip() == text.strip():
        return None
    return begin, end


def _is_own(frame: FrameType) -> bool:
    path = frame.f_code.co_filename
    root = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    if path.startswith("<") or root == "flasgo" or root.startswith("flasgo_"):
        return False
    return not any(Path(path).is_relative_to(library) for library in _libraries())


@cache
def _libraries() -> tuple[Path, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    return tuple({Path(path) for name in names if (path := sysconfig.get_path(name))})
