"""What a handler does not ask for is not in its way (PERF-1)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from flasgo import Depends, Flasgo, Request
from flasgo.binding import CallPlan


def plan_of(app: Flasgo, handler: Callable[..., object], path: str = "/") -> CallPlan:
    plan = app.add_route(path, handler, endpoint=path).plan
    assert plan is not None
    return plan


def test_a_handler_of_the_request_alone_is_called_as_it_is(app: Flasgo) -> None:
    async def handler(request: Request) -> str:
        return "x"

    assert plan_of(app, handler).call is handler


async def test_a_handler_without_parameters_is_called_without_a_coroutine_in_between(
    app: Flasgo,
) -> None:
    async def handler() -> str:
        return "x"

    coroutine: Any = plan_of(app, handler).call(None)  # ty: ignore[invalid-argument-type]
    assert coroutine.cr_code is handler.__code__
    assert await coroutine == "x"


def test_routes_without_generators_have_no_step_after_the_response(app: Flasgo) -> None:
    async def opens() -> AsyncIterator[int]:
        yield 1

    def computes() -> int:
        return 1

    async def plain() -> str:
        return "x"

    async def depends(x: Annotated[int, Depends(computes)]) -> str:
        return "x"

    async def cleans(x: Annotated[int, Depends(opens)]) -> str:
        return "x"

    app.add_route("/plain", plain)
    app.add_route("/depends", depends)
    app.add_route("/cleans", cleans)
    app._compile()
    assert [len(route.pipeline.finished) for route in app.routes] == [0, 0, 1]


def test_the_plan_of_a_route_tells_all_that_it_takes(app: Flasgo) -> None:
    async def handler(number: int, q: str, limit: int = 5) -> str:
        return q

    plan = plan_of(app, handler, "/<int:number>")
    assert [each.name for each in plan.paths] == ["number"]
    assert [(each.place, each.name, each.is_required) for each in plan.fields] == [
        ("query", "q", True),
        ("query", "limit", False),
    ]
    assert plan.body is None
    assert plan.takes_input
