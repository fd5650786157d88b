"""The two applications of the `live` benchmark: an echo over WebSocket, a stream of events."""

from collections.abc import AsyncIterator

from benchmarks.asgi import ASGIApp
from benchmarks.workload import SECRET_KEY

__all__ = ["flasgo", "flasgo_core", "starlette"]


async def numbers(count: int) -> AsyncIterator[str]:
    """Yield so many short texts, as fast as they are taken."""
    for number in range(count):
        yield f"event number {number}"


def _flasgo(*, discover: bool) -> ASGIApp:
    from flasgo import EventSourceResponse, Flasgo, WebSocket

    app = Flasgo(settings={"SECRET_KEY": SECRET_KEY}, discover=discover)

    @app.websocket("/echo")
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text)

    @app.get("/events/<int:count>")
    async def events(count: int) -> EventSourceResponse:
        return EventSourceResponse(numbers(count))

    return app


def flasgo() -> ASGIApp:
    """Flasgo with the whole bundle and its defaults."""
    return _flasgo(discover=True)


def flasgo_core() -> ASGIApp:
    """Flasgo without a plugin."""
    return _flasgo(discover=False)


def starlette() -> ASGIApp:
    """Starlette; it has no class for events, so its handler writes them itself."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import StreamingResponse
    from starlette.routing import Route, WebSocketRoute
    from starlette.websockets import WebSocket

    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text)

    async def events(request: Request) -> StreamingResponse:
        async def written() -> AsyncIterator[str]:
            async for text in numbers(request.path_params["count"]):
                yield f"data: {text}\n\n"

        return StreamingResponse(written(), media_type="text/event-stream")

    return Starlette(
        routes=[WebSocketRoute("/echo", echo), Route("/events/{count:int}", events)],
    )
