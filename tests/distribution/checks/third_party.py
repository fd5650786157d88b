"""The bundle and a plugin of somebody else: it acts, and it can be switched off, not round.

Arguments: `acts`, or how it is switched off: `argument`, `setting`, `environment`.
"""

import asyncio
import sys
from typing import Any

from flasgo import Flasgo, UnenforcedPolicyError
from flasgo_internal import Internal, internal  # ty: ignore

from .asgi import ask, start


def make(**options: Any) -> Flasgo:
    """An app with one page that carries the plugin's policy."""
    app = Flasgo(**options)

    @app.get("/")
    async def home() -> dict[str, str]:
        return {"status": "ok"}

    return app


def protect(app: Flasgo) -> None:
    """Add the page that only the plugin can guard."""

    @app.get("/metrics")
    @internal("metrics")
    async def metrics() -> dict[str, int]:
        return {"requests": 1}


async def check_acts() -> None:
    """It is found, listed, configured, and on the path of each request."""
    app = make(internal_only=True)
    protect(app)
    info = {plugin.name: plugin for plugin in app.plugins}["internal"]
    assert (info.distribution, info.version) == ("flasgo-internal", "1.2.3"), info
    assert {"authorize", "response_finalize"} <= set(info.hooks), info
    assert app.options["internal_only"] is True
    assert callable(app.internal)  # ty: ignore[missing-attribute]
    route = next(route for route in app.routes if route.path == "/metrics")
    assert [policy.explain() for policy in route.policies_of(Internal)] == ["internal (metrics)"]

    assert await start(app) == ""
    assert (await ask(app, "/")).headers["x-internal"] == "1"
    assert (await ask(app, "/nowhere")).headers["x-internal"] == "1"
    assert (await ask(app, "/metrics", client="198.51.100.7")).status == 404
    assert (await ask(app, "/metrics", client="10.1.2.3")).body == b'{"requests":1}'

    wider = make(settings={"INTERNAL_NETWORKS": {"198.51.100.0/24"}})
    protect(wider)
    assert (await ask(wider, "/metrics", client="198.51.100.7")).status == 200
    assert (await ask(wider, "/metrics", client="10.1.2.3")).status == 404


async def check_off(**options: Any) -> None:
    """Switched off it does nothing, and an app that relies on it does not start."""
    app = make(**options)
    assert await start(app) == ""
    answer = await ask(app, "/")
    assert answer.status == 200, answer
    assert "x-internal" not in answer.headers, answer
    assert "internal" not in app.plugins

    guarded = make(**options)
    protect(guarded)
    try:
        complaint = await start(guarded)
    except UnenforcedPolicyError as error:
        complaint = str(error)
    assert "/metrics" in complaint, complaint
    assert "Internal" in complaint, complaint
    # SECURITY: a server without lifespan support must not open the door either.
    try:
        unstarted = make(**options)
        protect(unstarted)
        answer = await ask(unstarted, "/metrics", client="10.1.2.3")
    except UnenforcedPolicyError:
        return
    assert answer.status >= 500, answer


HOW = {
    "argument": {"disable_plugins": {"internal"}},
    "setting": {"settings": {"DISABLED_PLUGINS": {"internal"}}},
    "environment": {},
}

if __name__ == "__main__":
    asyncio.run(check_acts() if sys.argv[1] == "acts" else check_off(**HOW[sys.argv[1]]))
