"""OA-1: the security schemes of the API description come from the backends and the policies."""

import pytest
from flasgo import Flasgo
from flasgo_auth import (
    AllowAny,
    AuthBackend,
    AuthPlugin,
    HasScope,
    IsAuthenticated,
    User,
    api_key_backend,
    basic_auth_backend,
    bearer_token_backend,
    jwt_backend,
    session_backend,
)

KEY = "0123456789abcdef" * 4
ALICE = User(id="alice")


def nobody(*args):
    return None


@pytest.mark.parametrize(
    ("backend", "scheme"),
    [
        (bearer_token_backend(nobody), {"type": "http", "scheme": "bearer"}),
        (basic_auth_backend(nobody), {"type": "http", "scheme": "basic"}),
        (
            jwt_backend(KEY, algorithm="HS256"),
            {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        ),
        (api_key_backend(nobody), {"type": "apiKey", "in": "header", "name": "X-API-Key"}),
        (api_key_backend(nobody, query="k"), {"type": "apiKey", "in": "query", "name": "k"}),
        (api_key_backend(nobody, cookie="k"), {"type": "apiKey", "in": "cookie", "name": "k"}),
        (session_backend(nobody), {"type": "apiKey", "in": "cookie", "name": "__Host-session"}),
        (AuthBackend(), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_backends_tell_their_scheme(backend, scheme):
    assert backend.openapi_scheme() == scheme


def describe(app, path="/x"):
    document = app.openapi_spec()
    return (
        document["paths"][path]["get"],
        document.get("components", {}).get("securitySchemes", {}),
    )


@pytest.fixture
def make():
    def make(*permissions, backend=None, **settings):
        app = Flasgo(settings={"SECRET_KEY": KEY, **settings}, plugins=[AuthPlugin], discover=False)
        app.register_auth_backend("token", bearer_token_backend(nobody))
        app.register_auth_backend("key", api_key_backend({"k": ALICE}))
        if permissions:
            app.get("/x")(app.authorize(*permissions, backend=backend)(lambda: ""))
        else:
            app.get("/x")(lambda: "")
        return app

    return make


def test_the_document_names_schemes_scopes_and_denials(make):
    operation, schemes = describe(make(HasScope("read"), backend="token"))
    assert schemes["token"] == {"type": "http", "scheme": "bearer"}
    assert operation["security"] == [{"token": ["read"]}]
    assert {"401", "403"} <= set(operation["responses"])


def test_without_a_named_backend_any_will_do(make):
    operation, schemes = describe(make(IsAuthenticated()))
    assert {name for each in operation["security"] for name in each} == {"token", "key"}
    assert schemes["key"]["name"] == "X-API-Key"


@pytest.mark.parametrize("permissions", [(), (AllowAny(),)])
def test_open_operations_ask_for_nothing(make, permissions):
    operation, _ = describe(make(*permissions))
    assert not operation.get("security")
    assert "401" not in operation["responses"]


def test_default_permissions_are_described(make):
    operation, _ = describe(make(DEFAULT_PERMISSIONS=[HasScope("read")]))
    assert {name for each in operation["security"] for name in each} == {"token", "key"}
    assert "401" in operation["responses"]
