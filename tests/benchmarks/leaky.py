"""The app of `soak` with a fault: each JSON answer leaves a task and a file descriptor behind."""

import asyncio
import os

from flasgo import Flasgo, Request

from benchmarks import soak_app

_kept: list[asyncio.Task[None]] = []


def make_app() -> Flasgo:
    app = soak_app.make_app()

    @app.before_request
    async def leak(request: Request) -> None:
        if request.path == "/json":
            _kept.append(asyncio.create_task(asyncio.sleep(3600)))
            os.dup(0)

    return app
