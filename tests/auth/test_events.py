"""SEC-5, the part of auth: denials in the log `flasgo.security`, without credentials."""

import logging

import pytest
from flasgo import hookimpl
from flasgo_auth import HasScope, User, bearer_token_backend


@pytest.fixture
def call(app, connect, caplog):
    """Return a function that makes a request and returns the events it caused."""
    users = {"alices-token": User(id="alice\nroot")}
    app.register_auth_backend("bearer", bearer_token_backend(users.get))
    app.add_route("/<path:rest>", app.authorize(HasScope("admin"))(lambda rest: ""), endpoint="all")
    caplog.set_level(logging.WARNING, logger="flasgo.security")
    client = connect(app)

    def call(path, token=None):
        caplog.clear()
        headers = {"authorization": f"Bearer {token}"} if token else {}
        status = client.get(path, headers=headers).status_code
        return status, [r for r in caplog.records if r.name == "flasgo.security"]

    return call


def test_a_missing_user_is_reported(call):
    status, [event] = call("/notes?secret=1")
    assert status == 401
    assert event.event == "auth.unauthenticated"
    assert (event.client_ip, event.method, event.path) == ("127.0.0.1", "GET", "/notes")
    assert (event.endpoint, event.backends, event.user) == ("all", "bearer", None)
    assert event.reason == "HasScope('admin')"


def test_a_missing_permission_is_reported_with_the_user(call):
    status, [event] = call("/notes", "alices-token")
    assert status == 403
    assert event.event == "auth.forbidden"
    assert event.user == "alice\\nroot"


@pytest.mark.parametrize("token", ["alices-token", "wrong-token"])
def test_no_token_and_no_query_gets_into_the_log(call, token):
    _, [event] = call("/notes?code=s3cret", token)
    text = f"{event.getMessage()} {vars(event)}"
    assert token not in text
    assert "s3cret" not in text


def test_a_path_cannot_forge_a_line(call):
    _, [event] = call("/a%E2%80%A8Security%E2%80%A9event%E2%80%AEx" + "y" * 500)
    assert event.getMessage().isprintable()
    assert event.path.startswith("/a\\u2028Security\\u2029event\\u202e")
    assert len(event.path) < 600


def test_a_denial_counts_against_the_client(app, connect):
    # The attribute is what the security plugin counts failures by.
    counted = []

    class Counter:
        name = "counter"

        @hookimpl
        def plugin_setup(self, registry):
            registry.request_attribute("security_events", lambda request: counted)

    app.plugins.register(Counter)
    app.add_route("/x", app.authorize()(lambda: ""))
    connect(app).get("/x")
    assert counted == ["auth.unauthenticated"]
