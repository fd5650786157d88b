"""`app.test_request_context()`: a request that is the current one without being served."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from flasgo import Flasgo

from .asgi import http_scope
from .body import body_pieces
from .client import TestClient

if TYPE_CHECKING:
    from flasgo.plugin import Message, RequestContext

    from .options import BuildOptions

__all__ = ["context_of"]


def context_of(app: Flasgo, path: str, method: str, options: BuildOptions) -> RequestContext:
    """Return the context of a request.

    Args:
        app: The app.
        path: A path, or a whole URL.
        method: The HTTP method.
        options: The keywords of `TestClient.build_request`.

    Raises:
        HTTPException: When the head of the request is not allowed.
    """
    with closing(TestClient(app)) as client:
        request = client.build_request(method.upper(), path, **options)
    raw_path = request.url.raw_path.partition(b"?")[0]
    scope = http_scope(
        request, raw_path=raw_path, root_path="", client=("127.0.0.1", 50000), state={}
    )
    pieces = body_pieces(request, None)

    async def receive() -> Message:
        piece = await anext(pieces, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    return app.request_context(scope, receive)
