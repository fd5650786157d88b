"""The keywords of clients and requests, as types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from httpx2._client import UseClientDefault
    from httpx2._types import (
        AuthTypes,
        CookieTypes,
        HeaderTypes,
        QueryParamTypes,
        RequestContent,
        RequestData,
        RequestExtensions,
        RequestFiles,
        TimeoutTypes,
    )

    from .asgi import Address

__all__ = ["BuildOptions", "ClientOptions", "HandshakeOptions", "RequestOptions"]


class ClientOptions(TypedDict, total=False):
    """The keywords of `TestClient`, where they are explained."""

    base_url: str
    raise_server_exceptions: bool
    enforce_csrf: bool
    follow_redirects: bool
    timeout: float | None
    client: Address | None
    root_path: str
    headers: HeaderTypes | None
    cookies: CookieTypes | None
    params: QueryParamTypes | None
    auth: AuthTypes | None


class BuildOptions(TypedDict, total=False):
    """The keywords of `TestClient.build_request`."""

    content: RequestContent | None
    data: RequestData | None
    files: RequestFiles | None
    json: Any | None
    params: QueryParamTypes | None
    headers: HeaderTypes | None
    cookies: CookieTypes | None
    timeout: TimeoutTypes | UseClientDefault
    extensions: RequestExtensions | None


class RequestOptions(BuildOptions, total=False):
    """The keywords of `TestClient.request`, where they are explained."""

    auth: AuthTypes | UseClientDefault | None
    follow_redirects: bool | UseClientDefault


class HandshakeOptions(TypedDict, total=False):
    """The keywords of `TestClient.websocket_connect`."""

    params: QueryParamTypes | None
    headers: HeaderTypes | None
    cookies: CookieTypes | None
    auth: AuthTypes | UseClientDefault | None
    timeout: TimeoutTypes | UseClientDefault
    extensions: RequestExtensions | None
