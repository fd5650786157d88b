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
from flasgo_security import SecurityPlugin

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
        (session_backend(nobody), {"type": "apiKey", "in": "cookie", "name": "session"}),
        (AuthBackend(), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_backends_tell_their_scheme(app, backend, scheme):
    assert backend.openapi_scheme(app) == scheme


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "__Host-session"),
        ({"SESSION_COOKIE_SECURE": False}, "session"),
        ({"SESSION_COOKIE_NAME": "sid"}, "sid"),
    ],
)
def test_the_session_cookie_has_the_name_that_is_set(settings, name):
    app = Flasgo(
        settings={"SECRET_KEY": KEY, **settings},
        plugins=[AuthPlugin, SecurityPlugin],
        discover=False,
    )
    app.register_auth_backend("session", session_backend(nobody))
    app.get("/x")(app.authorize()(lambda: ""))
    _, schemes = describe(app)
    assert schemes["session"] == {"type": "apiKey", "in": "cookie", "name": name}


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


# --- several policies -------------------------------------------------------------------------

READ, WRITE = HasScope("read"), HasScope("write")


@pytest.mark.parametrize(
    ("policies", "security"),
    [
        # One user, whoever recognises them, for both.
        ([(READ, None), (WRITE, None)], [{"token": ["read", "write"]}, {"key": ["read", "write"]}]),
        # Whom the named backend recognises counts for the other policy, too.
        ([(READ, None), (WRITE, "key")], [{"key": ["read", "write"]}]),
        ([(READ, "key"), (WRITE, None)], [{"key": ["read", "write"]}]),
        ([(READ, "token"), (WRITE, "key")], [{"token": ["read"], "key": ["write"]}]),
        ([(READ, "key"), (WRITE, "key")], [{"key": ["read", "write"]}]),
        # What cannot be described is left out; the rest is still wanted.
        ([(READ, "token"), (WRITE, "silent")], [{"token": ["read"]}]),
        ([(READ, "silent")], None),
    ],
)
def test_several_policies_are_told_as_they_hold(make, policies, security):
    app = make()
    app.register_auth_backend("silent", AuthBackend())

    def handler():
        return ""

    for permission, backend in policies:
        app.authorize(permission, backend=backend)(handler)
    app.get("/several")(handler)
    operation, schemes = describe(app, "/several")
    assert operation.get("security") == security
    assert set(schemes) == {name for each in security or () for name in each}
    assert "401" in operation["responses"]
