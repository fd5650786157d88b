"""`LOGIN_URL`: browsers without a user are sent to the log-in page, and come back safely."""

from urllib.parse import parse_qs, urlsplit

import pytest
from flasgo import Flasgo, Request, SettingError, redirect
from flasgo_auth import AuthPlugin, User, login, safe_next, session_backend
from flasgo_security import SecurityPlugin
from flasgo_testing import TestingPlugin
from hypothesis import given, strategies as st

PAGE = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
KEY = "5f0c8e1d7a3b49266e0d9c84b1f7a2d3"


@pytest.fixture
def make():
    def make(**settings) -> Flasgo:
        app = Flasgo(
            settings={
                "SECRET_KEY": KEY,
                "SESSION_COOKIE_SECURE": False,
                "CSRF_ENABLED": False,
                "LOGIN_URL": "/login",
                **settings,
            },
            plugins=[AuthPlugin, SecurityPlugin, TestingPlugin],
            discover=False,
        )
        app.register_auth_backend("session", session_backend(lambda name: User(id=name)))

        @app.route("/private", methods=["GET", "POST"])
        @app.authorize()
        def private(request: Request):
            return f"for {request.user.id}"

        @app.get("/admin")
        @app.authorize(lambda request: False)
        def admin():
            return "in"

        @app.post("/login")
        async def log_in(request: Request):
            login(request, User(id="ann"))
            return redirect(safe_next(request.query.get("next")), 303)

        return app

    return make


def test_a_browser_is_sent_to_the_page_and_comes_back(make, connect):
    client = connect(make())
    sent = client.get("/private?a=1&b=x%20y", headers=PAGE, follow_redirects=False)
    assert sent.status_code == 303
    location = urlsplit(sent.headers["location"])
    assert location.path == "/login"
    assert parse_qs(location.query) == {"next": ["/private?a=1&b=x%20y"]}
    assert "no-store" in sent.headers["cache-control"]
    assert {"Accept", "Sec-Fetch-Mode"} <= set(sent.headers["vary"].split(", "))
    back = client.post(sent.headers["location"], follow_redirects=False)
    assert back.headers["location"] == "/private?a=1&b=x%20y"
    assert client.get(back.headers["location"], headers=PAGE).text == "for ann"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"accept": "application/json"},
        {"accept": "*/*"},
        {"accept": "application/json, text/html;q=0.1"},
        {**PAGE, "sec-fetch-mode": "cors"},
    ],
)
def test_other_clients_are_answered_401(make, connect, headers):
    answer = connect(make()).get("/private", headers=headers, follow_redirects=False)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Session")


def test_what_was_sent_is_not_repeated_after_the_log_in(make, connect):
    answer = connect(make()).post("/private", headers=PAGE, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


def test_a_user_without_permission_is_told_so(make, connect):
    client = connect(make())
    client.post("/login", follow_redirects=False)
    assert client.get("/admin", headers=PAGE, follow_redirects=False).status_code == 403


def test_without_the_setting_nobody_is_sent_anywhere(make, connect):
    client = connect(make(LOGIN_URL=None))
    assert client.get("/private", headers=PAGE, follow_redirects=False).status_code == 401


def test_it_holds_for_default_permissions_and_does_not_go_round_in_circles(make, connect):
    app = make(DEFAULT_PERMISSIONS=["IsAuthenticated"], LOGIN_URL="/sign-in")
    app.get("/sign-in")(lambda: "the form")
    app.get("/other")(lambda: "x")
    client = connect(app)
    sent = client.get("/other", headers=PAGE, follow_redirects=False)
    assert sent.headers["location"] == "/sign-in?next=%2Fother"
    assert client.get("/sign-in", headers=PAGE, follow_redirects=False).status_code == 401


def test_it_is_below_the_prefix_of_a_proxy(make, connect):
    client = connect(make(TRUSTED_PROXIES={"127.0.0.1"}))
    headers = {**PAGE, "x-forwarded-prefix": "/shop"}
    sent = client.get("/private", headers=headers, follow_redirects=False)
    assert sent.headers["location"] == "/shop/login?next=%2Fshop%2Fprivate"


@pytest.mark.parametrize(
    "url", ["login", "//evil.example/login", "https://evil.example", "/a b", "", "/x?y=1", "/\\x"]
)
def test_a_wrong_page_stops_the_app(make, url):
    with pytest.raises(SettingError, match="LOGIN_URL"):
        make(LOGIN_URL=url)


@pytest.mark.parametrize(
    ("target", "goes_to"),
    [
        ("/private", "/private"),
        ("/private?a=1&b=%2F#x", "/private?a=1&b=%2F#x"),
        ("//evil.example", "/"),
        ("///evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("/\n/evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("/.//evil.example", "/"),
        ("/a/..//evil.example", "/"),
        ("/a/../b", "/a/../b"),
        ("/..//evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        (" /private", "/"),
        ("private", "/"),
        ("", "/"),
        (None, "/"),
        ("/é", "/"),
        ("/" + "a" * 3000, "/"),
    ],
)
def test_only_a_path_of_this_site_is_gone_to(target, goes_to):
    assert safe_next(target) == goes_to
    assert safe_next(target, "/home") == ("/home" if goes_to == "/" else goes_to)


@given(st.text(st.sampled_from('/\\:?#@ \t\r\nabé.%"<'), max_size=20))
def test_whatever_a_client_sends_stays_on_this_site(target):
    found = safe_next(target)
    assert found.startswith("/")
    assert not found.startswith("//")
    assert "\\" not in found
    assert found.isascii()
    assert urlsplit(found).netloc == ""
