"""SEC-2 as a table: who may send an unsafe request, by what the browser says of it."""

import itertools

import pytest
from flasgo import Flasgo
from flasgo_security.csrf import CsrfTokens, mask
from flasgo_security.signing import PurposeSigner
from flasgo_testing import TestClient

from tests.asgi import Driver

KEY = "0123456789abcdefghijklmnopqrstuvwxyz"
OWN = b"http://localhost"
SIBLING = b"http://evil.localhost"
FOREIGN = b"https://evil.example"
TRUSTED = b"https://app.example.com"


@pytest.fixture
def app(make_app) -> Flasgo:
    app = make_app(
        SESSION_COOKIE_SECURE=False,
        CSRF_COOKIE_SECURE=False,
        CSRF_TRUSTED_ORIGINS={TRUSTED.decode()},
    )
    app.state.runs = 0

    @app.route("/act", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "PURGE"])
    async def act(request):
        app.state.runs += 1
        return {"method": request.method}

    @app.get("/token")
    async def token(request):
        return request.csrf_token

    @app.post("/upload")
    async def upload(request):
        form = await request.form()
        sent = form.file("file")
        return {
            "note": form.get("note"),
            "name": sent.filename if sent else None,
            "size": len(await sent.read()) if sent else None,
        }

    @app.post("/raw")
    async def raw(request):
        return {"size": len(await request.body())}

    @app.get("/login/<user>")
    async def login(request, user):
        request.session.regenerate()
        request.session["user"] = user
        return {}

    return app


@pytest.fixture
def token(app, connect) -> bytes:
    answer = connect(app).get("/token")
    return answer.headers.get("set-cookie").partition(";")[0].partition("=")[2].encode()


def headers_of(*, site=None, origin=None, referer=None, cookie=None, sent=None, **others):
    named = {
        b"sec-fetch-site": site,
        b"origin": origin,
        b"referer": referer,
        b"cookie": None if cookie is None else b"csrf=" + cookie,
        b"x-csrf-token": sent,
        **{name.replace("_", "-").encode(): value for name, value in others.items()},
    }
    return [(name, value) for name, value in named.items() if value is not None]


# What browsers say, and whether it is: let in as it is, let in with the token, or never let in.
FREE, WITH_TOKEN, NEVER = "free", "with token", "never"
BROWSERS = [
    # Current browsers.
    ("own page", {"site": b"same-origin", "origin": OWN, "referer": OWN + b"/page"}, FREE),
    ("own page, hidden origin", {"site": b"same-origin", "origin": b"null"}, FREE),
    ("typed in or bookmarked", {"site": b"none"}, FREE),
    ("sibling host", {"site": b"same-site", "origin": SIBLING}, NEVER),
    ("other site", {"site": b"cross-site", "origin": FOREIGN}, NEVER),
    ("other site, hidden origin", {"site": b"cross-site", "origin": b"null"}, NEVER),
    ("other site, no origin", {"site": b"cross-site"}, NEVER),
    ("other site, no origin, own referer",
     {"site": b"cross-site", "referer": OWN + b"/"}, WITH_TOKEN),
    ("trusted site", {"site": b"cross-site", "origin": TRUSTED}, WITH_TOKEN),
    ("redirected over another site", {"site": b"cross-site", "origin": b"null"}, NEVER),
    # Browsers without Fetch Metadata, and http on other hosts than localhost.
    ("old, own origin", {"origin": OWN}, WITH_TOKEN),
    ("old, other origin", {"origin": FOREIGN}, NEVER),
    ("old, hidden origin", {"origin": b"null"}, NEVER),
    ("old, other port", {"origin": OWN + b":8000"}, NEVER),
    ("old, other scheme", {"origin": b"https://localhost"}, NEVER),
    ("older, own referer", {"referer": OWN + b"/page?x=" + FOREIGN}, WITH_TOKEN),
    ("older, other referer", {"referer": FOREIGN + b"/?x=" + OWN}, NEVER),
    ("older, look-alike referer", {"referer": OWN + b".evil.example/"}, NEVER),
    ("oldest, or told to keep quiet", {}, WITH_TOKEN),
    # Made up.
    ("unknown word", {"site": b"same-galaxy", "origin": OWN}, WITH_TOKEN),
    ("upper case", {"site": b"SAME-ORIGIN"}, WITH_TOKEN),
    ("two words", {"site": b"same-origin, cross-site", "origin": OWN}, WITH_TOKEN),
    ("empty word", {"site": b"", "origin": OWN}, WITH_TOKEN),
]  # fmt: skip


@pytest.mark.parametrize(("name", "says", "verdict"), BROWSERS, ids=[row[0] for row in BROWSERS])
def test_browsers(app, connect, token, name, says, verdict):
    bare = connect(app).post("/act", headers=headers_of(**says))
    assert bare.status_code == (200 if verdict == FREE else 403)
    full = connect(app).post("/act", headers=headers_of(**says, cookie=token, sent=token))
    assert full.status_code == (403 if verdict == NEVER else 200)
    assert app.state.runs == (bare.status_code == 200) + (full.status_code == 200)


@pytest.mark.parametrize("first", [b"same-origin", b"cross-site"])
def test_two_sec_fetch_site_headers_are_no_word(app, connect, token, first):
    second = b"cross-site" if first == b"same-origin" else b"same-origin"
    headers = [(b"sec-fetch-site", first), (b"sec-fetch-site", second), (b"origin", FOREIGN)]
    status = connect(app).post("/act", headers=headers).status_code
    # Scripts cannot set the header, so two of them come from no browser; the first one counts.
    assert status == (200 if first == b"same-origin" else 403)


# --- Methods ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PURGE"])
def test_every_other_method_is_unsafe(app, connect, token, method):
    assert connect(app).request(method, "/act").status_code == 403
    headers = headers_of(cookie=token, sent=token)
    assert connect(app).request(method, "/act", headers=headers).status_code == 200


@pytest.mark.parametrize("method", ["post", "Post", "get", "gEt", "PoSt"])
async def test_method_names_have_one_case(app, method):
    """RFC 9110, section 9.1: nothing runs under another spelling, checked or not."""
    # Raw: an HTTP client sends every method in capitals.
    assert (await Driver(app)("/act", method)).status in {403, 405}
    assert app.state.runs == 0


@pytest.mark.parametrize("name", [b"x-http-method-override", b"x-method-override"])
def test_a_safe_method_does_not_become_another_one(app, connect, name):
    answer = connect(app).get("/act", headers=[(name, b"DELETE")])
    assert answer.content == b'{"method":"GET"}'


# --- Tokens -------------------------------------------------------------------------------------


def foreign_token(binding: str = "") -> bytes:
    return CsrfTokens(PurposeSigner("csrf", "f" * 36)).make(binding).encode()


def own_token(binding: str = "") -> bytes:
    return CsrfTokens(PurposeSigner("csrf", KEY)).make(binding).encode()


PAIRS = {
    "both fixed by an attacker": (b"fixed", b"fixed"),
    "both empty": (b"", b""),
    "no cookie": (None, own_token()),
    "no header": (own_token(), None),
    "of another app": ((pair := foreign_token()), pair),
    "of another session": ((pair := own_token("someone")), pair),
    "two good ones that differ": (own_token(), own_token()),
    "signed for another purpose": (
        (pair := PurposeSigner("session", KEY).sign("nonce").encode()), pair,
    ),
    "masked nonsense": ((pair := mask("a.b").encode()), pair),
    "not ascii": (b"\xc3\xa9.\xc3\xa9", b"\xc3\xa9.\xc3\xa9"),
    "very long": (b"a" * 9000, b"a" * 9000),
    "upper case": ((good := own_token()), good.upper()),
    "with blanks": (good, b" " + good + b" x"),
    "doubled": (good, good + b"," + good),
}  # fmt: skip


@pytest.mark.parametrize(("cookie", "sent"), PAIRS.values(), ids=PAIRS.keys())
def test_forged_tokens_are_refused(app, connect, cookie, sent):
    headers = headers_of(cookie=cookie, sent=sent)
    answer = connect(app).post("/act", headers=headers)
    assert answer.status_code == 403
    assert app.state.runs == 0


@pytest.mark.parametrize("is_first", [True, False])
def test_a_cookie_tossed_from_a_subdomain_does_not_help(app, connect, is_first):
    """An attacker on a sibling host can set a cookie, even his own good token, for all hosts."""
    client = TestClient(app, enforce_csrf=True)
    client.get("/login/ann")
    own = client.get("/token").text
    session = client.cookies["session"].encode()
    tossed = own_token()  # from his own visit, without a session
    pair = [b"csrf=" + client.cookies["csrf"].encode(), b"csrf=" + tossed]
    cookies = b"; ".join([b"session=" + session, *(pair[::-1] if is_first else pair)])
    headers = [(b"cookie", cookies), (b"x-csrf-token", tossed)]
    assert connect(app).post("/act", headers=headers).status_code == 403
    assert app.state.runs == 0
    # Whichever cookie counts, his token does not; at worst the visitor's own does not either.
    honest = [(b"cookie", cookies), (b"x-csrf-token", own.encode())]
    assert connect(app).post("/act", headers=honest).status_code == (403 if is_first else 200)


def test_the_default_cookie_cannot_be_tossed_at_all(make_app, connect):
    app = make_app()
    app.get("/")(lambda request: request.csrf_token)
    assert (
        connect(app).get("https://localhost/").headers.get("set-cookie").startswith("__Host-csrf=")
    )


@pytest.mark.parametrize("after", ["/login/ann", "/login/bob"])
def test_a_token_from_before_the_log_in_ends_with_it(app, after):
    client = TestClient(app, enforce_csrf=True)
    before = client.get("/token").text
    old_cookie = client.cookies["csrf"]
    client.get(after)
    assert client.post("/act", headers={"X-CSRF-Token": before}).status_code == 403
    assert (
        client.post(
            "/act", headers={"X-CSRF-Token": before}, cookies={"csrf": old_cookie}
        ).status_code
        == 403
    )
    fresh = client.get("/token").text
    assert client.post("/act", headers={"X-CSRF-Token": fresh}).status_code == 200


# --- Bodies -------------------------------------------------------------------------------------


def multipart(token: bytes, *, first: bool = True) -> tuple[bytes, bytes]:
    field = b'Content-Disposition: form-data; name="csrf_token"\r\n\r\n' + token
    upload = (
        b'Content-Disposition: form-data; name="file"; filename="a.bin"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n" + b"\x00\xff" * 50_000
    )
    note = b'Content-Disposition: form-data; name="note"\r\n\r\nhello'
    parts = [field, upload, note] if first else [upload, note, field]
    body = b"".join(b"--xyz\r\n" + part + b"\r\n" for part in parts) + b"--xyz--\r\n"
    return b"multipart/form-data; boundary=xyz", body


@pytest.mark.parametrize("first", [True, False])
def test_a_multipart_field_carries_the_token_and_the_upload_arrives(app, connect, token, first):
    kind, body = multipart(token, first=first)
    headers = headers_of(cookie=token, content_type=kind, content_length=b"%d" % len(body))
    answer = connect(app).post("/upload", content=body, headers=headers)
    assert answer.status_code == 200
    assert answer.content == b'{"note":"hello","name":"a.bin","size":100000}'


def test_a_wrong_multipart_token_is_refused(app, connect, token):
    kind, body = multipart(b"wrong")
    headers = headers_of(cookie=token, content_type=kind, content_length=b"%d" % len(body))
    assert connect(app).post("/upload", content=body, headers=headers).status_code == 403


def test_a_file_called_like_the_field_is_no_token(app, connect, token):
    kind, body = multipart(token)
    body = body.replace(b'name="csrf_token"', b'name="csrf_token"; filename="t"')
    headers = headers_of(cookie=token, content_type=kind, content_length=b"%d" % len(body))
    assert connect(app).post("/upload", content=body, headers=headers).status_code == 403


KINDS = [
    b"application/x-www-form-urlencoded",
    b"application/x-www-form-urlencoded; charset=utf-8",
    b"multipart/form-data; boundary=xyz",
    b"text/plain",
    b"application/json",
    b"application/json; charset=utf-8",
    b"text/plain; x=application/json",
    b"application/octet-stream",
    b"application/cbor",
    b"x/y",
    b"",
    None,
]


@pytest.mark.parametrize(("kind", "path"), [*itertools.product(KINDS, ["/act", "/raw"])])
def test_no_content_type_gets_past_without_a_token(app, connect, token, kind, path):
    body = b'{"csrf_token": "' + token + b'"}'
    unsigned = headers_of(content_type=kind)
    assert connect(app).post(path, content=body, headers=unsigned).status_code == 403
    with_cookie = headers_of(cookie=token, content_type=kind)
    assert connect(app).post(path, content=body, headers=with_cookie).status_code in {400, 403}
    assert app.state.runs == 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_header_is_enough_for_every_content_type(app, connect, token, kind):
    headers = headers_of(cookie=token, sent=token, content_type=kind)
    answer = connect(app).post("/raw", content=b"12345", headers=headers)
    assert answer.content == b'{"size":5}'
