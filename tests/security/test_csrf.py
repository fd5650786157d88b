"""SEC-2: unsafe requests must come from the app's own pages."""

import logging

import pytest
from flasgo import Blueprint, Flasgo, SettingError
from flasgo_security import csrf_exempt
from flasgo_security.csrf import CsrfTokens, mask, unmask
from flasgo_security.signing import PurposeSigner
from flasgo_testing import TestClient
from hypothesis import given, strategies as st

from tests.asgi import Driver
from tests.conftest import refusal

UNSAFE = ["POST", "PUT", "PATCH", "DELETE", "PURGE"]


def add_routes(app: Flasgo) -> Flasgo:
    @app.get("/form")
    async def form(request):
        return {"token": request.csrf_token}

    @app.get("/plain")
    async def plain():
        return {}

    @app.route("/act", methods=["GET", *UNSAFE])
    async def act(request):
        return {"method": request.method}

    @app.post("/echo")
    async def echo(request):
        return {"name": (await request.form()).get("name")}

    @app.get("/login")
    async def login(request):
        request.session["user"] = "ann"
        return {}

    @app.get("/rotate")
    async def rotate(request):
        request.session.regenerate()
        return {}

    @app.get("/logout")
    async def logout(request):
        request.session.clear()
        return {}

    @app.post("/hook")
    @csrf_exempt
    async def hook():
        return {}

    return app


@pytest.fixture
def app(make_app) -> Flasgo:
    return add_routes(
        make_app(
            SESSION_COOKIE_SECURE=False,
            CSRF_COOKIE_SECURE=False,
            CSRF_TRUSTED_ORIGINS={"https://app.example.com", "https://*.example.org"},
            ALLOWED_HOSTS={"localhost", "testsite.example"},
        )
    )


@pytest.fixture
def client(app) -> TestClient:
    return TestClient(app, enforce_csrf=True)


def with_token(client: TestClient) -> dict[str, str]:
    return {"X-CSRF-Token": client.get("/form").json()["token"]}


# --- Tokens -------------------------------------------------------------------------------------


@pytest.fixture
def tokens() -> CsrfTokens:
    return CsrfTokens(PurposeSigner("csrf", "k" * 32))


def test_tokens_differ_and_hold_for_their_session_only(tokens):
    first, second = tokens.make("session"), tokens.make("session")
    assert first != second
    assert tokens.is_valid(first, "session")
    assert tokens.is_valid(second, "session")
    assert not tokens.is_valid(first, "other")
    assert not tokens.is_valid(first, "")
    assert not CsrfTokens(PurposeSigner("csrf", "x" * 32)).is_valid(first, "session")


@given(st.text(max_size=200), st.text(max_size=20))
def test_no_other_text_is_a_token(text, binding):
    assert not CsrfTokens(PurposeSigner("csrf", "k" * 32)).is_valid(text, binding)


@given(st.text(st.characters(max_codepoint=127), min_size=1, max_size=128).map(lambda t: f"{t}."))
def test_masking_hides_a_token_and_gives_it_back(token):
    first, second = mask(token), mask(token)
    assert first != second
    assert "." not in first
    assert unmask(first) == unmask(second) == unmask(token) == token


@given(st.text(max_size=600))
def test_unmasking_takes_anything(text):
    assert isinstance(unmask(text), str)


def test_pages_show_another_spelling_each_time_and_each_is_taken(client):
    """BREACH, CVE-2013-3587."""
    shown = [client.get("/form").json()["token"] for _ in range(3)]
    assert len({*shown, client.cookies["csrf"]}) == 4
    for token in (*shown, client.cookies["csrf"]):
        assert client.post("/act", headers={"X-CSRF-Token": token}).status_code == 200


# --- What needs no token ------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_safe_methods_are_free(app, connect, method):
    headers = [(b"origin", b"https://evil.example"), (b"sec-fetch-site", b"cross-site")]
    assert connect(app).request(method, "/act", headers=headers).status_code < 300


@pytest.mark.parametrize("method", UNSAFE)
@pytest.mark.parametrize("site", [b"same-origin", b"none"])
def test_the_browsers_word_is_enough(app, connect, method, site):
    answer = connect(app).request(method, "/act", headers=[(b"sec-fetch-site", site)])
    assert answer.status_code == 200


def test_the_browsers_word_is_enough_where_the_origin_is_hidden(app, connect):
    headers = [(b"sec-fetch-site", b"same-origin"), (b"origin", b"null")]
    assert connect(app).post("/act", headers=headers).status_code == 200


def test_an_exempt_endpoint_takes_everything(app, connect):
    headers = [(b"sec-fetch-site", b"cross-site"), (b"origin", b"https://evil.example")]
    assert connect(app).post("/hook", headers=headers).status_code == 200


def test_exempt_works_above_the_route_and_through_the_app(make_app, connect):
    app = make_app()

    @app.csrf_exempt
    @app.post("/a")
    async def above():
        return {}

    assert connect(app).post("/a").status_code == 200


def test_disabled_checks_nothing(make_app, connect):
    app = add_routes(make_app(CSRF_ENABLED=False))
    headers = [(b"sec-fetch-site", b"cross-site"), (b"origin", b"https://evil.example")]
    assert connect(app).post("/act", headers=headers).status_code == 200


def test_get_only_endpoints_have_no_check_in_their_pipeline(app):
    stages = {route.path: {stage.plugin for stage in app.explain(route)} for route in app.routes}
    assert "security.csrf" not in stages["/plain"]
    assert "security.csrf" not in stages["/hook"]
    assert "security.csrf" in stages["/act"]


# --- What is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize("method", UNSAFE)
def test_without_a_word_and_a_token_it_is_refused_with_advice(app, connect, method, caplog):
    answer = connect(app).request(method, "/act")
    assert answer.status_code == 403
    for advice in (b"csrf_failed", b"cookie 'csrf'", b"X-CSRF-Token", b"'csrf_token'"):
        assert advice in answer.content
    assert [record.event for record in caplog.records] == ["csrf"]


@pytest.mark.parametrize("debug", [True, False])
def test_developers_are_told_what_is_for_programs(make_app, connect, debug):
    refused = connect(add_routes(make_app(DEBUG=debug))).post("/act")
    assert refused.status_code == 403
    for advice in (b"@csrf_exempt", b"Authorization: Bearer"):
        assert (advice in refused.content) is debug


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_client_with_a_bearer_token_needs_no_other(app, connect, scheme):
    headers = {"authorization": f"{scheme} abc", "cookie": "theme=dark; csrf=y"}
    assert connect(app).post("/act", headers=headers).status_code == 200


def test_a_bearer_token_beside_a_session_cookie_is_not_enough(app, client, connect):
    client.get("/login")
    bearer = {"authorization": "Bearer whatever"}
    refused = client.post("/act", headers=bearer)
    assert (refused.status_code, refused.json()["error"]) == (403, "csrf_failed")
    assert client.post("/act", headers={**bearer, **with_token(client)}).status_code == 200
    forged = connect(app).post("/act", headers={**bearer, "cookie": "session=forged"})
    assert forged.status_code == 403


# --- The body is left to the handler ------------------------------------------------------------


BOUNDARY = "the-boundary"


def multipart(*parts: tuple[str, bytes]) -> bytes:
    """Return a multipart body of parts with the rest of their Content-Disposition and content."""
    encoded = [
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + body + b"\r\n"
        for head, body in parts
    ]
    return b"".join(encoded) + f"--{BOUNDARY}--\r\n".encode()


def upload(client: TestClient, path: str, body: bytes):
    content_type = f"multipart/form-data; boundary={BOUNDARY}"
    return client.post(path, content=body, headers={"content-type": content_type})


@pytest.fixture
def uploads(app) -> Flasgo:
    @app.post("/stream")
    async def stream(request):
        return b"".join([piece async for piece in request.stream()])

    @app.post("/raw")
    async def raw(request):
        return await request.body()

    @app.post("/fields")
    async def fields(request):
        form = await request.form()
        return {"fields": dict(form), "size": form.file("file").size}

    @app.post("/unread")
    async def unread():
        return "unread"

    return app


@pytest.mark.parametrize("size", [10, 200_000])
@pytest.mark.parametrize("path", ["/stream", "/raw"])
def test_a_handler_gets_the_whole_multipart_body_that_carried_the_token(uploads, path, size):
    client = TestClient(uploads, enforce_csrf=True)
    token = client.get("/form").json()["token"]
    file = ('name="file"; filename="a"', b"x" * size)
    body = multipart(('name="csrf_token"', token.encode()), file)
    answer = upload(client, path, body)
    assert (answer.status_code, answer.content) == (200, body)


@pytest.mark.parametrize("size", [10, 200_000])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_form_is_read_wherever_its_token_is(uploads, size, is_first):
    client = TestClient(uploads, enforce_csrf=True)
    token = client.get("/form").json()["token"]
    parts = [('name="csrf_token"', token.encode()), ('name="file"; filename="a"', b"x" * size)]
    body = multipart(*(parts if is_first else reversed(parts)))
    answer = upload(client, "/fields", body)
    assert answer.json() == {"fields": {"csrf_token": token}, "size": size}
    assert upload(client, "/unread", body).text == "unread"


def test_a_token_behind_a_large_file_is_no_500_of_a_streaming_handler(uploads):
    client = TestClient(uploads, enforce_csrf=True, raise_server_exceptions=False)
    token = client.get("/form").json()["token"]
    file = ('name="file"; filename="a"', b"x" * 200_000)
    refused = upload(client, "/stream", multipart(file, ('name="csrf_token"', token.encode())))
    assert refused.status_code == 400
    assert "X-CSRF-Token" in refused.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        multipart(('name="csrf_token"; filename="t"', b"no text field")),
        multipart(('name="csrf_token"', b"wrong")),
        multipart(('name="other"', b"x")),
        b"",
        b"not multipart at all",
        multipart(('name="csrf_token"', b"\xff\xfe")),
    ],
)
def test_a_multipart_body_without_the_token_is_refused(uploads, body):
    client = TestClient(uploads, enforce_csrf=True, raise_server_exceptions=False)
    client.get("/form")
    assert upload(client, "/stream", body).status_code in (400, 403)


# --- Whole blueprints and apps ------------------------------------------------------------------


@pytest.mark.parametrize("makes_a_blueprint", [True, False])
def test_a_blueprint_or_an_app_can_be_exempt(make_app, connect, makes_a_blueprint):
    app = make_app()
    blueprint = Blueprint("hooks", prefix="/hooks")

    @blueprint.post("/paid")
    async def paid():
        return {}

    if makes_a_blueprint:
        assert csrf_exempt(blueprint) is blueprint
    app.register_blueprint(blueprint)
    if not makes_a_blueprint:
        assert app.csrf_exempt(app) is app

    @app.post("/own")
    async def own():
        return {}

    client = connect(app)
    assert client.post("/hooks/paid").status_code == 200
    assert client.post("/own").status_code == (403 if makes_a_blueprint else 200)


@pytest.mark.parametrize("value", [None, "name", object()])
def test_what_has_no_routes_cannot_be_exempt(value):
    with pytest.raises(TypeError, match="a handler, a blueprint or an app"):
        csrf_exempt(value)


@pytest.mark.parametrize(
    "value", ["Basic YTpi", "Digest a=b", "Bearer", "Bearerx a", "Negotiate a"]
)
def test_credentials_that_browsers_add_by_themselves_are_not_enough(app, connect, value):
    answer = connect(app).post("/act", headers={"authorization": value})
    assert (answer.status_code, answer.json()["error"]) == (403, "csrf_failed")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_bearer_token_opens_no_door_to_other_origins(app, connect, site):
    headers = {
        "authorization": "Bearer abc",
        "sec-fetch-site": site,
        "origin": "https://evil.example",
    }
    assert connect(app).post("/act", headers=headers).status_code == 403


REFUSED_ORIGINS = [
    [(b"sec-fetch-site", b"cross-site")],
    [(b"sec-fetch-site", b"cross-site"), (b"origin", b"https://evil.example")],
    [(b"sec-fetch-site", b"same-site"), (b"origin", b"http://sub.localhost")],
    [(b"origin", b"https://evil.example")],
    [(b"origin", b"null")],
    [(b"origin", b"")],
    [(b"origin", b"https://localhost")],
    [(b"origin", b"http://localhost:8000")],
    [(b"origin", b"http://localhost.evil.example")],
    [(b"origin", b"http://localhost@evil.example")],
    [(b"origin", b"http://testsite.example")],
    [(b"origin", b"http://app.example.com")],
    [(b"origin", b"https://example.org")],
    [(b"origin", b"\xff\xfe")],
    [(b"referer", b"https://evil.example/http://localhost/")],
    [(b"referer", b"about:blank")],
    [(b"origin", b"https://evil.example"), (b"referer", b"http://localhost/")],
]


@pytest.mark.parametrize("headers", REFUSED_ORIGINS)
def test_an_untrusted_origin_is_refused_even_with_a_token(app, client, connect, headers):
    token = client.get("/form").json()["token"].encode()
    own = [(b"cookie", b"csrf=" + token), (b"x-csrf-token", token)]
    assert connect(app).post("/act", headers=own).status_code == 200
    assert connect(app).post("/act", headers=[*own, *headers]).status_code == 403


ALLOWED_ORIGINS = [
    [(b"origin", b"http://localhost")],
    [(b"origin", b"http://LOCALHOST:80")],
    [(b"referer", b"http://localhost/form?x=1")],
    [(b"referer", b"")],
    [(b"sec-fetch-site", b"cross-site"), (b"origin", b"https://app.example.com")],
    [(b"sec-fetch-site", b"same-site"), (b"origin", b"https://a.example.org")],
    [(b"sec-fetch-site", b"same-site")],
    [(b"sec-fetch-site", b"whatever")],
]


@pytest.mark.parametrize("headers", ALLOWED_ORIGINS)
def test_a_trusted_origin_still_needs_the_token(app, client, connect, headers):
    assert connect(app).post("/act", headers=headers).status_code == 403
    token = client.get("/form").json()["token"].encode()
    own = [(b"cookie", b"csrf=" + token), (b"x-csrf-token", token)]
    assert connect(app).post("/act", headers=[*own, *headers]).status_code == 200


def test_the_own_origin_is_that_of_the_request(app, client, connect):
    token = client.get("/form").json()["token"].encode()
    own = [(b"cookie", b"csrf=" + token), (b"x-csrf-token", token)]
    https = [*own, (b"origin", b"https://testsite.example")]
    headers = [(b"host", b"testsite.example"), *https]
    assert connect(app).post("/act", headers=headers).status_code == 403
    answer = connect(app).post("https://localhost/act", headers=headers)
    assert answer.status_code == 200


# --- Tokens in requests -------------------------------------------------------------------------


def test_the_token_in_the_header(client):
    headers = with_token(client)
    assert client.post("/act", headers=headers).status_code == 200
    assert client.delete("/act", headers=headers).status_code == 200


@pytest.mark.parametrize("files", [None, {"file": ("a.txt", b"data")}])
def test_the_token_in_a_form_field_which_the_handler_can_read_as_well(client, files):
    token = client.get("/form").json()["token"]
    response = client.post("/echo", data={"csrf_token": token, "name": "ann"}, files=files)
    assert response.json() == {"name": "ann"}


def test_the_header_wins_over_the_field(client):
    token = client.get("/form").json()["token"]
    response = client.post("/echo", data={"csrf_token": token}, headers={"X-CSRF-Token": "no"})
    assert response.status_code == 403


async def test_a_form_is_not_read_for_clients_without_the_cookie(app):
    # Raw: a client always gets rid of its body in the end.
    sent = []

    async def receive():
        raise AssertionError("the body was read")

    async def send(message):
        sent.append(message)

    form = {"content-type": "application/x-www-form-urlencoded"}
    await app(Driver(app).scope("/echo", "POST", form), receive, send)
    assert sent[0]["status"] == 403


@pytest.mark.parametrize(
    "make",
    [
        lambda token: (token, ""),
        lambda token: ("", token),
        lambda token: (token, token[:-2]),
        lambda token: (token[:-2], token[:-2]),
        lambda token: ("forged.forged", "forged.forged"),
        lambda token: (token, "é"),
        lambda token: (token, token.swapcase()),
        lambda token: (token, token + " x"),
        lambda token: ("a" * 4000, "a" * 4000),
    ],
)
def test_wrong_tokens_are_refused(app, client, connect, make):
    cookie, header = make(client.get("/form").json()["token"])
    headers = [(b"cookie", f"csrf={cookie}".encode()), (b"x-csrf-token", header.encode())]
    assert connect(app).post("/act", headers=headers).status_code == 403


def test_a_json_body_is_not_searched_for_a_token(client):
    token = client.get("/form").json()["token"]
    assert client.post("/act", json={"csrf_token": token}).status_code == 403


def test_a_malformed_form_is_a_client_error(client):
    client.get("/form")
    response = client.post("/echo", content=b"x", headers={"content-type": "multipart/form-data"})
    assert response.status_code in {400, 403}


# --- The cookie ---------------------------------------------------------------------------------


def test_the_cookie_is_set_only_when_a_token_was_asked_for(client):
    assert "set-cookie" not in client.get("/plain").headers
    response = client.get("/form")
    assert response.headers["set-cookie"].startswith("csrf=")
    assert response.headers["vary"] == "Cookie"
    again = client.get("/form")
    assert unmask(again.json()["token"]) == unmask(response.json()["token"])
    assert "set-cookie" not in again.headers
    assert again.headers["vary"] == "Cookie"


def test_the_default_cookie_is_locked_down_but_readable_by_scripts(make_app, connect):
    app = add_routes(make_app())
    cookie = connect(app).get("https://localhost/form").headers.get("set-cookie")
    assert cookie.startswith("__Host-csrf=")
    assert cookie.partition("; ")[2] == "Path=/; Secure; SameSite=Lax"


def test_a_page_with_a_token_is_not_cached_by_others(make_app, connect):
    app = make_app()

    @app.get("/")
    async def page(request):
        return request.csrf_token, 200, {"cache-control": "public, max-age=60"}

    assert connect(app).get("/").headers.get_list("cache-control") == ["private, max-age=60"]


@pytest.mark.parametrize("change", ["/login", "/rotate", "/logout"])
def test_a_new_session_makes_the_old_token_worthless_and_sets_a_new_one(client, change):
    if change != "/login":
        client.get("/login")
    old = with_token(client)
    old_cookie = client.cookies["csrf"]
    response = client.get(change)
    assert any(cookie.startswith("csrf=") for cookie in response.headers.get_list("set-cookie"))
    assert client.cookies["csrf"] != old_cookie
    assert client.post("/act", headers=old).status_code == 403
    assert client.post("/act", headers=old, cookies={"csrf": old_cookie}).status_code == 403
    new = {"X-CSRF-Token": client.cookies["csrf"]}
    assert client.post("/act", headers=new).status_code == 200


def test_a_login_without_a_token_sets_no_csrf_cookie(client):
    response = client.get("/login")
    assert [c.partition("=")[0] for c in response.headers.get_list("set-cookie")] == ["session"]


def test_a_token_planted_from_elsewhere_does_not_fit_the_session(app, client):
    attacker = TestClient(app, enforce_csrf=True)
    planted = attacker.get("/form").json()["token"]
    client.get("/login")
    client.cookies.set("csrf", planted)
    assert client.post("/act", headers={"X-CSRF-Token": planted}).status_code == 403


def test_names_follow_the_settings(make_app):
    app = add_routes(
        make_app(
            CSRF_COOKIE_NAME="xsrf",
            CSRF_COOKIE_SECURE=False,
            CSRF_COOKIE_HTTP_ONLY=True,
            CSRF_HEADER_NAME="X-XSRF",
            CSRF_FIELD_NAME="xsrf_field",
        )
    )
    client = TestClient(app, enforce_csrf=True)
    response = client.get("/form")
    token = response.json()["token"]
    cookie = f"xsrf={unmask(token)}; Path=/; HttpOnly; SameSite=Lax"
    assert response.headers["set-cookie"] == cookie
    assert client.post("/act", headers={"X-XSRF": token}).status_code == 200
    assert client.post("/echo", data={"xsrf_field": token}).status_code == 200
    assert client.post("/act", headers={"X-CSRF-Token": token}).status_code == 403


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CSRF_TRUSTED_ORIGINS", {"app.example.com"}),
        ("CSRF_TRUSTED_ORIGINS", {"https://app.example.com/path"}),
        ("CSRF_HEADER_NAME", "X CSRF"),
        ("CSRF_HEADER_NAME", ""),
        ("CSRF_COOKIE_SAMESITE", "maybe"),
        ("CSRF_COOKIE_NAME", "a;b"),
    ],
)
def test_wrong_settings_stop_the_app(make_app, name, value):
    with pytest.raises(SettingError) as caught:
        make_app(**{name: value})
    assert caught.value.name == name


# --- Events and decorators ----------------------------------------------------------------------


def test_no_token_is_ever_logged(client, caplog):
    token = client.get("/form").json()["token"]
    with caplog.at_level(logging.DEBUG):
        client.post("/act", headers={"X-CSRF-Token": token + "x"})
        client.post("/act", headers={"X-CSRF-Token": token, "Origin": "https://evil.example"})
    assert token not in caplog.text
    reasons = [record.reason for record in caplog.records if hasattr(record, "event")]
    assert reasons == [
        "CSRF: the token is not the one of the cookie",
        "CSRF: origin https://evil.example is neither http://localhost nor in CSRF_TRUSTED_ORIGINS",
    ]


def test_exempt_takes_a_handler():
    with pytest.raises(TypeError, match="write @csrf_exempt"):
        csrf_exempt("handler")  # ty: ignore[invalid-argument-type]


# --- WebSockets ---------------------------------------------------------------------------------


@pytest.fixture
def websocket_app(app) -> Flasgo:
    @app.websocket("/ws")
    async def ws(websocket):
        await websocket.accept()

    @app.websocket("/open")
    @csrf_exempt
    async def open_to_all(websocket):
        await websocket.accept()

    return app


@pytest.mark.parametrize(
    ("headers", "is_accepted"),
    [
        ({}, True),
        ({"origin": "http://localhost"}, True),
        ({"origin": "https://app.example.com"}, True),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": "http://evil.example", "sec-fetch-site": "cross-site"}, False),
        ({"origin": "https://localhost", "sec-fetch-site": "same-origin"}, True),
    ],
)
def test_websockets_of_other_origins_are_refused(websocket_app, connect, headers, is_accepted):
    client = connect(websocket_app)
    if is_accepted:
        with client.websocket_connect("/ws", headers=headers):
            pass
    else:
        assert refusal(client, "/ws", headers=headers).status_code == 403


@pytest.mark.parametrize(("checks", "is_accepted"), [(True, False), (False, True)])
def test_the_origin_of_websockets_has_a_setting_of_its_own(make_app, connect, checks, is_accepted):
    app = make_app(CSRF_ENABLED=False, WEBSOCKET_ORIGIN_CHECK=checks)

    @app.websocket("/ws")
    async def ws(websocket):
        await websocket.accept()

    origin = {"origin": "https://evil.example"}
    if is_accepted:
        with connect(app).websocket_connect("/ws", headers=origin):
            pass
    else:
        assert refusal(connect(app), "/ws", headers=origin).status_code == 403


def test_an_exempt_websocket_takes_every_origin(websocket_app, connect):
    origin = {"origin": "https://evil.example"}
    with connect(websocket_app).websocket_connect("/open", headers=origin):
        pass
