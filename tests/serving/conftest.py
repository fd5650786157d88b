"""Pairs of servers: uvicorn's own protocol, and the one of `flasgo run`."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from flasgo.serving.h11_quick import QuickH11
from flasgo.serving.httptools_quick import QuickHttpTools
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tests.serving.uvicorn_twins import Served, serving

PAIRS = {
    "httptools": (HttpToolsProtocol, QuickHttpTools, "asyncio"),
    "httptools-uvloop": (HttpToolsProtocol, QuickHttpTools, "uvloop"),
    "h11": (H11Protocol, QuickH11, "asyncio"),
}


@pytest.fixture(scope="module", params=PAIRS)
def twins(request: pytest.FixtureRequest) -> Iterator[tuple[Served, Served]]:
    """uvicorn's own server first, then ours."""
    stock, ours, loop = PAIRS[request.param]
    if loop == "uvloop" and importlib.util.find_spec("uvloop") is None:
        pytest.skip("uvloop is not installed")
    with ExitStack() as stack:
        yield (
            stack.enter_context(serving(stock, loop=loop)),
            stack.enter_context(serving(ours, loop=loop)),
        )
