"""Apps with the auth plugin, and callers for them."""

import pytest
from flasgo import Connection, Flasgo
from flasgo_auth import AuthPlugin, User
from flasgo_testing import TestingPlugin

KEY = "0123456789abcdef" * 4

USERS = {
    "alice": User(id="alice", scopes=frozenset({"read", "write"})),
    "bob": User(id="bob"),
    "guest": User(id="guest", is_authenticated=False, scopes=frozenset({"read"})),
}


def by_header(request: Connection) -> User | None:
    """Recognise users by the header `x-user`."""
    return USERS.get(request.headers.get("x-user", ""))


@pytest.fixture
def app() -> Flasgo:
    """An app with nothing but the auth plugin."""
    return Flasgo(settings={"SECRET_KEY": KEY}, plugins=[AuthPlugin, TestingPlugin], discover=False)


@pytest.fixture
def guarded(app: Flasgo) -> Flasgo:
    """An app that recognises users by the header `x-user`."""
    app.register_auth_backend("header", by_header, blocking=False)
    return app
