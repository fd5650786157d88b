"""AUTH-2: HTTP Basic credentials (RFC 7617)."""

from base64 import b64encode

import pytest
from flasgo_auth import (
    BasicCredentials,
    User,
    basic_auth_backend,
    extract_basic_credentials,
    secrets_match,
)

CHALLENGE = 'Basic realm="staff", charset="UTF-8"'


def basic(text, scheme="Basic"):
    data = text if isinstance(text, bytes) else text.encode()
    return {"authorization": f"{scheme} {b64encode(data).decode()}"}


def validate(username, password):
    if secrets_match(password, {"alice": "pass:wörd", "empty": ""}.get(username, "\x00")):
        return User(id=username)
    return None


@pytest.fixture
def call(app, connect):
    """Return a function that calls a route behind Basic credentials."""
    app.register_auth_backend("basic", basic_auth_backend(validate, realm="staff"))
    app.add_route("/x", app.authorize()(lambda request: str(request.user.id)))
    client = connect(app)
    return lambda headers=None: client.get("/x", headers=headers)


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC", "Basic "])
def test_right_credentials(call, scheme):
    assert call(basic("alice:pass:wörd", scheme)).text == "alice"


def test_an_empty_password_is_a_password(call):
    assert call(basic("empty:")).text == "empty"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("alice:wrong"),
        basic("bob:pass:wörd"),
        basic("alice"),
        basic(""),
        basic(":"),
        basic("alice:pass:wörd", "Bearer"),
        basic("alice:pass:wörd".encode("latin-1")),
        basic("alice\n:pass:wörd"),
        basic("alice:pass:wörd\x00"),
        {"authorization": "Basic"},
        {"authorization": "Basic "},
        {"authorization": "Basic !!!!"},
        {"authorization": "Basic YWxpY2U6cGFzczp3w7ZyZ"},
        {"authorization": "Basic YWxpY2U6 cGFzczp3w7ZyZA=="},
        {"authorization": "Basic=YWxpY2U6cGFzczp3w7ZyZA=="},
        basic("alice:" + "x" * 5000),
        [("authorization", basic("alice:pass:wörd")["authorization"])] * 2,
    ],
    ids=str,
)
def test_everything_else_is_refused(call, headers):
    answer = call(headers)
    # Of two headers the core says 400 before anybody looks.
    assert answer.status_code == (400 if isinstance(headers, list) else 401)
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"] == CHALLENGE


@pytest.mark.parametrize("text", ["a\x00:b", "a:b\n", "a\x7f:b", "a\t:b", "a:\x1b[2J"])
def test_control_characters_reach_no_validator(app, connect, text):
    app.register_auth_backend("all", basic_auth_backend(lambda name, password: User(id="x")))
    app.add_route("/x", app.authorize()(lambda: ""))
    client = connect(app)
    assert client.get("/x", headers=basic(text)).status_code == 401
    assert client.get("/x", headers=basic("a:b")).status_code == 200


@pytest.mark.parametrize(("size", "status"), [(3060, 200), (3080, 401)])
def test_long_credentials_reach_no_validator(app, connect, size, status):
    app.register_auth_backend("all", basic_auth_backend(lambda name, password: User(id="x")))
    app.add_route("/x", app.authorize()(lambda: ""))
    assert connect(app).get("/x", headers=basic("a:" + "b" * size)).status_code == status


def test_a_missing_permission_does_not_ask_for_another_password(app, connect):
    app.register_auth_backend("basic", basic_auth_backend(validate))
    app.add_route("/x", app.authorize(lambda request: False)(lambda: ""))
    answer = connect(app).get("/x", headers=basic("empty:"))
    assert answer.status_code == 403
    assert "www-authenticate" not in answer.headers


def test_an_async_validator_and_one_that_raises(app, connect):
    async def validate_async(username, password):
        if username == "broken":
            raise ConnectionError("the directory is away")
        return validate(username, password)

    app.register_auth_backend("basic", basic_auth_backend(validate_async))
    app.add_route("/x", app.authorize()(lambda: "in"))
    client = connect(app)
    assert client.get("/x", headers=basic("empty:")).text == "in"
    assert client.get("/x", headers=basic("broken:x")).status_code == 500


def test_credentials_are_not_shown(app, connect, caplog):
    seen = []

    @app.get("/x")
    def handler(request):
        seen.append(extract_basic_credentials(request))

    app.get("/y")(app.authorize()(lambda: ""))
    app.register_auth_backend("basic", basic_auth_backend(lambda name, password: None))
    client = connect(app)
    client.get("/x", headers=basic("alice:s3cret"))
    client.get("/y", headers=basic("alice:s3cret"))
    assert seen == [BasicCredentials("alice", "s3cret")]
    assert "s3cret" not in repr(seen)
    assert "s3cret" not in caplog.text + str([vars(record) for record in caplog.records])


@pytest.mark.parametrize("wrong", [None, User, {"alice": "secret"}], ids=repr)
def test_validate_must_be_a_function(wrong):
    with pytest.raises(TypeError, match="takes a function"):
        basic_auth_backend(wrong)


@pytest.mark.parametrize("realm", ["", 'a"b', "a\nb", "ä", None])
def test_malformed_realms_are_refused(realm):
    with pytest.raises(ValueError, match="cannot be a realm"):
        basic_auth_backend(validate, realm=realm)
