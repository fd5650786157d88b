"""The routes that the kit asks, and the plugin that misbehaves next to the one under test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress

from flasgo import (
    Flasgo,
    HTTPException,
    Policy,
    Request,
    Response,
    StreamingResponse,
    WebSocket,
    hookimpl,
    redirect,
)

__all__ = ["MISDEEDS", "PREFIX", "STAGES", "Neighbour", "Probes"]

PREFIX = "/flasgo-conformance"
_NEIGHBOUR_HEADER = b"x-conformance-neighbour"

STAGES = (
    "request_started",
    "authorize",
    "ratelimit_check",
    "response_finalize",
    "request_finished",
)
MISDEEDS = ("raises", "aborts", "answers", "returns junk")


class ProbeError(Exception):
    """Raised by a handler, as handlers do."""


class Probes:
    """Routes with every kind of outcome.

    Args:
        app: Gets the routes.
        policies: Each is put on a route, and on a WebSocket, of its own.

    Attributes:
        gate: Lets the streamed response go on.
        paths: The paths of the ordinary routes.
        websockets: The paths of the WebSocket routes.
    """

    def __init__(self, app: Flasgo, policies: Iterable[Policy]) -> None:
        self.gate = asyncio.Event()
        self.crowd: asyncio.Barrier | None = None
        self.paths = [f"{PREFIX}/{name}" for name in ("plain", "threaded", "number/7", "text")]
        self.websockets = [f"{PREFIX}/socket"]
        add = app.add_route
        add(f"{PREFIX}/plain", self._plain, ("GET", "POST"), endpoint="conformance.plain")
        add(f"{PREFIX}/threaded", self._threaded, endpoint="conformance.threaded")
        add(f"{PREFIX}/number/<int:number>", self._number, endpoint="conformance.number")
        add(f"{PREFIX}/text", self._text, endpoint="conformance.text")
        add(f"{PREFIX}/body", self._body, ("POST",), endpoint="conformance.body")
        add(f"{PREFIX}/form", self._form, ("POST",), endpoint="conformance.form")
        add(f"{PREFIX}/nothing", self._nothing, endpoint="conformance.nothing")
        add(f"{PREFIX}/elsewhere", self._elsewhere, endpoint="conformance.elsewhere")
        add(f"{PREFIX}/abort", self._abort, endpoint="conformance.abort")
        add(f"{PREFIX}/raise", self._raise, endpoint="conformance.raise")
        add(f"{PREFIX}/stream", self._stream, endpoint="conformance.stream")
        add(f"{PREFIX}/forever", self._forever, endpoint="conformance.forever")
        add(f"{PREFIX}/crowd/<marker>", self._crowd, endpoint="conformance.crowd")
        add(f"{PREFIX}/socket", _converse, is_websocket=True, endpoint="conformance.socket")
        add(f"{PREFIX}/hung-up", _hang_up, is_websocket=True, endpoint="conformance.hung-up")
        add(f"{PREFIX}/broken", _break, is_websocket=True, endpoint="conformance.broken")
        for index, policy in enumerate(policies):
            self._add_policy(app, index, policy)

    def _add_policy(self, app: Flasgo, index: int, policy: Policy) -> None:
        async def guarded() -> dict[str, object]:
            return {"policy": index}

        path, endpoint = f"{PREFIX}/policy/{index}", f"conformance.policy-{index}"
        methods = ("GET", "POST")
        app.add_route(path, guarded, methods, endpoint=endpoint, policies=[policy])
        app.add_route(
            f"{path}/socket",
            _converse,
            is_websocket=True,
            endpoint=f"{endpoint}-socket",
            policies=[policy],
        )
        self.paths.append(path)
        self.websockets.append(f"{path}/socket")

    async def _plain(self) -> dict[str, object]:
        return {"plain": True}

    def _threaded(self) -> dict[str, object]:
        return {"threaded": True}

    async def _number(self, number: int) -> dict[str, object]:
        return {"number": number}

    async def _text(self) -> str:
        return "<p>text</p>"

    async def _body(self, request: Request) -> object:
        return {"kind": type(await request.json()).__name__}

    async def _form(self, request: Request) -> object:
        return {"fields": len(await request.form())}

    async def _nothing(self) -> None:
        return None

    async def _elsewhere(self) -> Response:
        return redirect(f"{PREFIX}/plain")

    async def _abort(self) -> None:
        raise HTTPException(404, "There is no such thing.")

    async def _raise(self) -> None:
        raise ProbeError("This handler fails, as handlers do.")

    async def _stream(self) -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"one"
            await self.gate.wait()
            yield b"two"

        return StreamingResponse(parts(), content_type="text/plain")

    async def _forever(self) -> None:
        await asyncio.Event().wait()

    async def _crowd(self, marker: str) -> dict[str, object]:
        if self.crowd is not None:
            # Some may have been denied; those who came are served all the same.
            with suppress(TimeoutError, asyncio.BrokenBarrierError):
                await asyncio.wait_for(self.crowd.wait(), 1)
        return {"marker": marker}


async def _converse(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


async def _hang_up(websocket: WebSocket) -> None:
    await websocket.close(1008, "no")


async def _break(websocket: WebSocket) -> None:
    await websocket.accept()
    raise ProbeError("This WebSocket handler fails, as handlers do.")


class Neighbour:
    """A plugin that misbehaves where a request's header says so, before all others."""

    name = "conformance_neighbour"

    @hookimpl(tryfirst=True)
    def request_started(self, request: Request) -> object:
        """Misbehave on request."""
        return self._misbehave("request_started", request)

    @hookimpl(tryfirst=True)
    async def authorize(self, request: Request) -> object:
        """Misbehave on request."""
        return self._misbehave("authorize", request)

    @hookimpl(tryfirst=True)
    async def ratelimit_check(self, request: Request) -> object:
        """Misbehave on request."""
        return self._misbehave("ratelimit_check", request)

    @hookimpl(tryfirst=True)
    def response_finalize(self, request: Request, response: Response) -> object:
        """Misbehave on request."""
        return self._misbehave("response_finalize", request)

    @hookimpl(tryfirst=True)
    async def request_finished(self, request: Request) -> None:
        """Misbehave on request."""
        self._misbehave("request_finished", request)

    def _misbehave(self, stage: str, request: Request) -> object:
        wanted, _, misdeed = (request.raw_header(_NEIGHBOUR_HEADER) or b"").decode().partition(" ")
        if wanted != stage:
            return None
        if misdeed == "raises":
            raise ProbeError(f"The neighbour fails in {stage}.")
        if misdeed == "aborts":
            raise HTTPException(403, f"The neighbour aborts in {stage}.")
        return 42 if misdeed == "returns junk" else Response("neighbour", status_code=418)

    @staticmethod
    def headers(stage: str, misdeed: str) -> dict[str, str]:
        """Return the header that asks for a misdeed."""
        return {_NEIGHBOUR_HEADER.decode(): f"{stage} {misdeed}"}
