"""AUTH-2: bearer tokens, and what hostile clients send in their place."""

import re
import threading

import pytest
from flasgo import Connection, Flasgo
from flasgo_auth import (
    MAX_TOKEN_BYTES,
    User,
    bearer_token_backend,
    extract_bearer_token,
)
from hypothesis import given, strategies as st

TOKEN68 = re.compile(rb"[A-Za-z0-9._~+/-]+=*")
APP = Flasgo(settings={"SECRET_KEY": "0123456789abcdef" * 4}, discover=False)


def token_of(*values: bytes) -> str | None:
    """Extract the token of a request with these Authorization headers."""
    # A bare Connection: an app refuses two of them before anybody looks.
    headers = [(b"host", b"localhost"), *((b"authorization", value) for value in values)]
    scope = {"type": "http", "method": "GET", "path": "/", "headers": headers}

    async def receive():
        pytest.fail("a body was read")

    return extract_bearer_token(Connection(APP, scope, receive, dict(headers)))


@pytest.mark.parametrize(
    "value",
    [
        b"Bearer abc",
        b"bearer abc",
        b"BEARER abc",
        b"bEaReR   abc",
        b" Bearer abc ",
        b"Bearer abc\t",
    ],
)
def test_the_scheme_is_read_in_any_case(value):
    assert token_of(value) == "abc"


@pytest.mark.parametrize("token", [b"a", b"a.b.c", b"AZaz09-._~+/==", b"x" * MAX_TOKEN_BYTES])
def test_tokens_of_every_allowed_shape(token):
    assert token_of(b"Bearer " + token) == token.decode()


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b" ",
        b"Bearer",
        b"Bearer ",
        b"Bearer  ",
        b"Bearerabc",
        b"Bearer\tabc",
        b"Bearer\xa0abc",
        b"Bearer a b",
        b"Bearer a,b",
        b"Bearer a, Bearer b",
        b"Bearer abc;",
        b'Bearer "abc"',
        b"Bearer token=abc",
        b"Bearer =abc",
        b"Bearer a=b",
        b"Bearer abc\n",
        b"Bearer abc\r\nx: y",
        b"Bearer abc\x00",
        b"Bearer \xc3\xbc",
        b"Bearer " + b"x" * (MAX_TOKEN_BYTES + 1),
        b"Bearer" + b" " * (MAX_TOKEN_BYTES + 100) + b"x",
        b"Basic YTpi",
        b"abc",
        b"Token abc",
    ],
)
def test_everything_else_is_no_token(value):
    assert token_of(value) is None


def test_no_header_and_two_headers_are_no_token():
    assert token_of() is None
    assert token_of(b"Bearer abc", b"Bearer abc") is None


@given(st.binary(max_size=200))
def test_any_header_gives_a_well_formed_token_or_none(value):
    token = token_of(value)
    assert token is None or TOKEN68.fullmatch(token.encode())


@given(st.from_regex(TOKEN68, fullmatch=True), st.sampled_from([b"Bearer ", b"bearer  "]))
def test_every_well_formed_token_is_found(token, scheme):
    assert token_of(scheme + token) == token.decode()


@given(
    st.from_regex(rb"[ \t]*bearer[ \t]*[A-Za-z0-9=,; ]*", fullmatch=True),
)
def test_near_misses_never_raise(value):
    token = token_of(value)
    assert token is None or " " not in token


# --- the backend ------------------------------------------------------------------------------


def validate(token: str) -> User | None:
    return User(id=token) if token in {"alice", "bob"} else None


async def validate_async(token: str) -> User | None:
    return validate(token)


@pytest.fixture
def statuses(app, connect):
    """Register a bearer backend and return a function from header to answer."""

    def make(check, **options):
        app.register_auth_backend("bearer", bearer_token_backend(check, **options))

        @app.get("/me")
        @app.authorize(backend="bearer")
        def me(request: Connection):
            return {"id": request.user.id}

        client = connect(app)

        def call(authorization=None):
            headers = {} if authorization is None else {"authorization": authorization}
            return client.get("/me", headers=headers)

        return call

    return make


@pytest.mark.parametrize("check", [validate, validate_async, lambda token: validate_async(token)])
def test_validators_of_every_colour(statuses, check):
    call = statuses(check)
    assert call("Bearer alice").json() == {"id": "alice"}
    assert call("Bearer eve").status_code == 401
    assert call().status_code == 401


def test_a_def_validator_runs_in_a_thread_unless_told_otherwise(app, connect):
    threads = []

    def check(token):
        threads.append(threading.current_thread().name)
        return validate(token)

    app.register_auth_backend("slow", bearer_token_backend(check))
    app.register_auth_backend("quick", bearer_token_backend(check, blocking=False))
    app.add_route("/slow", app.authorize(backend="slow")(lambda: ""), endpoint="slow")
    app.add_route("/quick", app.authorize(backend="quick")(lambda: ""), endpoint="quick")
    client = connect(app)
    client.get("/slow", headers={"authorization": "Bearer alice"})
    client.get("/quick", headers={"authorization": "Bearer alice"})
    assert [name.startswith("flasgo_") for name in threads] == [True, False]


def test_the_validator_is_not_asked_without_a_token(statuses):
    def check(token):
        pytest.fail("asked without a token")

    call = statuses(check)
    assert call().status_code == 401
    assert call("Basic YTpi").status_code == 401


def test_challenges_follow_rfc_6750(statuses):
    call = statuses(validate, realm="staff area")
    assert call().headers["www-authenticate"] == 'Bearer realm="staff area"'
    assert call("Basic YTpi").headers["www-authenticate"] == 'Bearer realm="staff area"'
    for wrong in ("Bearer eve", "bearer a b", "Bearer"):
        challenge = call(wrong).headers["www-authenticate"]
        assert challenge == 'Bearer realm="staff area", error="invalid_token"'


def test_a_missing_scope_is_told_as_rfc_6750_wants(app, connect):
    app.register_auth_backend("bearer", bearer_token_backend(validate))
    app.add_route("/x", app.authorize(lambda request: False)(lambda: ""))
    answer = connect(app).get("/x", headers={"authorization": "Bearer alice"})
    assert answer.status_code == 403
    assert answer.headers["www-authenticate"] == 'Bearer realm="api", error="insufficient_scope"'


def test_two_authorization_headers_are_refused(app, connect):
    def check(token):
        pytest.fail("a backend was asked")

    app.register_auth_backend("bearer", bearer_token_backend(check))
    app.add_route("/x", app.authorize()(lambda: ""))
    pair = [("authorization", "Bearer alice"), ("authorization", "Bearer bob")]
    assert connect(app).get("/x", headers=pair).status_code == 400


@pytest.mark.parametrize("answer", [True, "alice", {"id": "alice"}, 1], ids=repr)
def test_a_validator_that_returns_no_user_is_an_error(statuses, answer):
    assert statuses(lambda token: answer)("Bearer abc").status_code == 500


def test_a_validator_that_raises_is_an_error(statuses):
    def check(token):
        raise KeyError(token)

    answer = statuses(check)("Bearer secret-token")
    assert answer.status_code == 500
    assert "secret-token" not in answer.text


@pytest.mark.parametrize("realm", ["", 'a"b', "a\\b", "a\r\nb", "ü"])
def test_malformed_realms_are_refused(realm):
    with pytest.raises(ValueError, match="realm"):
        bearer_token_backend(validate, realm=realm)


@pytest.mark.parametrize("wrong", [None, "token-123", User])
def test_a_validator_must_be_a_function(wrong):
    with pytest.raises(TypeError, match="function"):
        bearer_token_backend(wrong)


# --- Other schemes ------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["Token", "ApiKey", "Bearer"])
def test_a_scheme_of_ones_own(connect, scheme):
    app = Flasgo(settings={"SECRET_KEY": "5f0c8e1d7a3b49266e0d9c84b1f7a2d3"})
    backend = bearer_token_backend({"abc": User(id="ann")}, scheme=scheme)
    app.register_auth_backend("token", backend)
    app.get("/")(app.authorize()(lambda request: request.user.id))
    client = connect(app)
    for written in (scheme, scheme.upper(), scheme.lower()):
        assert client.get("/", headers={"authorization": f"{written} abc"}).text == "ann"
    for wrong in ("Other abc", "abc", f"{scheme}abc", f"{scheme} abc d"):
        assert client.get("/", headers={"authorization": wrong}).status_code == 401
    denied = client.get("/", headers={"authorization": f"{scheme} wrong"})
    assert denied.headers["www-authenticate"] == f'{scheme} realm="api", error="invalid_token"'
    schemes = app.openapi_spec()["components"]["securitySchemes"]
    assert schemes == {"token": {"type": "http", "scheme": scheme.lower()}}


@pytest.mark.parametrize(
    "scheme", ["", "Basic", "DIGEST", "negotiate", "ntlm", "a b", 3, None, "x:"]
)
def test_a_scheme_that_carries_no_token_is_refused(scheme):
    with pytest.raises(ValueError, match="scheme"):
        bearer_token_backend({"abc": User(id="ann")}, scheme=scheme)


@pytest.mark.parametrize(
    ("value", "options", "token"),
    [
        ("Bearer abc", {}, "abc"),
        (b"bearer abc=", {}, "abc="),
        ("Token abc", {"scheme": "Token"}, "abc"),
        ("Token abc", {}, None),
        ("Bearer", {}, None),
        ("Bearer a b", {}, None),
        ("Bearer \u0661", {}, None),
        ("", {}, None),
        (None, {}, None),
        ("Bearer " + "a" * 9000, {}, None),
    ],
)
def test_a_token_is_read_from_the_value_of_a_header(value, options, token):
    assert extract_bearer_token(value, **options) == token
