"""What the API description says about credentials that are optional, and about tokens (ERG-11)."""

from __future__ import annotations

from typing import Any

import pytest
from flasgo import (
    AllowAny,
    Flasgo,
    HasScope,
    User,
    api_key_backend,
    authorize,
    bearer_token_backend,
    jwt_backend,
)
from openapi_spec_validator import validate


async def show() -> str:
    return "shown"


def app_with(**options: Any) -> Flasgo:
    app = Flasgo()
    app.register_auth_backend("bearer", bearer_token_backend(lambda token: User("ann"), **options))
    app.register_auth_backend("key", api_key_backend(lambda key: User("bob")))
    return app


def test_optional_credentials_may_be_left_out() -> None:
    app = app_with()
    app.get("/optional")(authorize(AllowAny(), backend="bearer")(show))

    @app.get("/open")
    @authorize(AllowAny())
    async def open_to_all() -> str:
        return ""

    @app.get("/asked")
    @authorize(backend="bearer")
    async def asked() -> str:
        return ""

    document = app.openapi_spec()
    validate(document)
    told = {path: item["get"].get("security") for path, item in document["paths"].items()}
    assert told == {"/optional": [{}, {"bearer": []}], "/open": None, "/asked": [{"bearer": []}]}
    assert "401" not in document["paths"]["/optional"]["get"]["responses"]
    assert set(document["components"]["securitySchemes"]) == {"bearer"}


def test_a_token_url_gives_the_password_flow() -> None:
    app = app_with(token_url="/token")
    app.get("/")(authorize(HasScope("read"), backend="bearer")(show))
    app.get("/write")(authorize(HasScope("write"), backend="bearer")(show))
    document = app.openapi_spec()
    validate(document)
    scheme = document["components"]["securitySchemes"]["bearer"]
    flow = scheme["flows"]["password"]
    assert (scheme["type"], flow["tokenUrl"]) == ("oauth2", "/token")
    assert set(flow["scopes"]) == {"read", "write"}


def test_a_token_url_of_json_web_tokens_gives_it_too() -> None:
    backend = jwt_backend("k" * 32, algorithm="HS256", token_url="/token")
    scheme = backend.openapi_scheme(app_with())
    assert scheme == {"type": "oauth2", "flows": {"password": {"tokenUrl": "/token", "scopes": {}}}}


def test_only_bearer_tokens_have_a_format() -> None:
    for name, wanted in (("Bearer", {"bearerFormat": "JWT"}), ("Token", {})):
        backend = jwt_backend("k" * 32, algorithm="HS256", scheme=name)
        scheme = backend.openapi_scheme(app_with())
        assert scheme == {"type": "http", "scheme": name.lower(), **wanted}


@pytest.mark.parametrize("url", ["", 5, "/token\r\n"])
def test_a_token_url_is_checked(url: Any) -> None:
    with pytest.raises(ValueError, match="token_url="):
        app_with(token_url=url)
    with pytest.raises(ValueError, match=r"jwt_backend\(token_url="):
        jwt_backend("k" * 32, algorithm="HS256", token_url=url)
