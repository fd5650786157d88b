"""Makes a request that is the current one without being served: for tests and shells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flasgo.asgi import Message, Receive, Scope
from flasgo.http.headers import read_head
from flasgo.kernel.context import RequestContext
from flasgo.requests.request import Request
from flasgo.requests.target import routed_path
from flasgo.routing import routed_host

if TYPE_CHECKING:
    from flasgo.app import Flasgo
    from flasgo.routing import Router

__all__ = ["nothing_received", "request_context"]


async def nothing_received() -> Message:
    """Receive the end of a body that is empty."""
    return {"type": "http.request", "body": b"", "more_body": False}


def request_context(app: Flasgo, router: Router, scope: Scope, receive: Receive) -> RequestContext:
    """Return the context of a request; see `Flasgo.request_context`.

    Args:
        app: The app.
        router: Finds the request's route, if there is one.
        scope: The ASGI scope.
        receive: Gives the body.
    """
    head = read_head(scope["headers"], app.settings.MAX_REQUEST_HEAD_BYTES)
    request = Request(app, scope, receive, head)
    path = routed_path(scope) if scope.get("root_path") else scope["path"]
    match = router.match_on(routed_host(head.get(b"host")), scope["method"], path)
    if match is not None:
        request.route = match.route
        request.path_params = dict(match.params or {})
    return RequestContext(request)
