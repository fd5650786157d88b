"""CORE-14: what a developer sees, and what nobody sees."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from flasgo import Flasgo
from flasgo.features.error_pages.frames import chain
from flasgo.features.error_pages.masking import MASK, Masker
from flasgo_testing import TestClient

from .conftest import MARKUP, SECRET_KEY, TOKEN


class Reader(HTMLParser):
    """Collects the elements and the text of a page; complains about anything that could run."""

    def __init__(self, page):
        super().__init__()
        self.elements = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        assert tag not in {"script", "img", "iframe", "form", "object"}, tag
        for name, value in attrs:
            assert not name.startswith("on"), name
            assert name != "style"
            assert not (value or "").startswith("javascript:")

    def handle_data(self, data):
        self.text += data


def test_an_exception_in_a_handler(ask):
    answer = ask("/handler/x")
    page = Reader(answer.text)
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert "ValueError" in page.text
    assert MARKUP in page.text
    assert "raise ValueError(MARKUP)" in page.text  # the source
    assert "conftest.py:" in page.text
    assert "add_routes.<locals>.handler" in page.text or "handler" in page.text
    assert "/handler/<name>" in page.text  # the rule
    assert "path name" in page.text
    assert "Traceback (most recent call last)" in page.text


@pytest.mark.parametrize("hook", ["request_started", "authorize", "response_finalize"])
def test_an_exception_in_a_hook_names_the_plugin(ask, hook):
    page = Reader(ask(f"/hook/{hook}").text)
    assert f"Plugin failing raised this in its hook {hook}" in page.text
    assert "LookupError" in page.text
    assert MARKUP in page.text


def test_an_exception_in_a_hook_names_the_plugin_to_programs(ask):
    answer = ask("/hook/authorize", accept="application/json")
    assert (answer.json()["plugin"], answer.json()["hook"]) == ("failing", "authorize")
    assert answer.json()["detail"].startswith("LookupError: in the hook")


def test_an_exception_in_a_template_shows_its_line(ask):
    page = Reader(ask("/template").text)
    assert "page.html:3" in page.text
    assert "<p>{{ nobody.name }}</p>" in page.text
    page = Reader(ask("/broken").text)
    assert "broken.html:2" in page.text
    assert "{% if %}" in page.text


def test_no_part_of_a_templates_line_is_marked(ask):
    # The columns of a template's frame are those of other code.
    assert "<mark>&lt;p&gt;{{ nobody" not in ask("/template").text
    assert "<mark>" in ask("/chain").text


def test_an_exception_in_a_worker_thread(ask):
    assert "in flasgo" in Reader(ask("/thread").text).text
    page = Reader(ask("/background").text)
    assert "far from the loop" in page.text
    assert 'raise ValueError("far from the loop")' in page.text


def test_causes_and_groups(ask):
    page = Reader(ask("/chain").text)
    assert page.text.index("KeyError") < page.text.index("It was caused by ValueError")
    assert "invalid literal for int() with base 10: 'first'" in page.text
    page = Reader(ask("/group").text)
    for name in ("One of the exceptions in the group ValueError", "TypeError", "two"):
        assert name in page.text


def test_a_recursion_is_cut(ask):
    answer = ask("/deep")
    assert "RecursionError" in answer.text
    assert "further calls are not shown" in answer.text
    assert len(answer.text) < 400_000


@pytest.mark.parametrize("path", ["/unprintable", "/surrogate", "/long"])
@pytest.mark.parametrize("accept", ["text/html", "application/json", "application/problem+json"])
def test_odd_exceptions_are_shown_all_the_same(ask, path, accept):
    answer = ask(path, accept=accept)
    assert answer.status_code == 500
    assert "conftest.py" in answer.text
    assert len(answer.content) < 400_000


# Secrets


SENT = {
    "Authorization": "Bearer sent-credential-1",
    "Cookie": "session=sent-credential-2; theme=sent-credential-3",
    "X-Api-Key": "sent-credential-4",
    "X-Auth-Token": "sent-credential-5",
    "Proxy-Authorization": "Basic sent-credential-6",
}
QUERY = "?token=sent-credential-7&password=sent-credential-8&q=shown-value"


@pytest.mark.parametrize("accept", ["text/html", "application/json", "application/problem+json"])
@pytest.mark.parametrize("path", ["/handler/x", "/secret", "/template", "/hook/authorize"])
def test_no_secret_is_shown(ask, path, accept):
    answer = ask(path + QUERY, accept=accept, **SENT)
    assert answer.status_code == 500
    for secret in (SECRET_KEY, TOKEN, "hunter2", "u:pw@", "sent-credential"):
        assert secret not in answer.text, secret
    if accept == "text/html":
        page = Reader(answer.text).text
        assert "shown-value" in page
        for name in ("authorization", "cookie session", "x-api-key", "SECRET_KEY", "query token"):
            assert re.search(rf"{re.escape(name)}\W*\*{{8}}", page), name
        assert "redis://app:********@db.example/0" in page


def test_what_the_request_holds_is_escaped(ask):
    answer = ask("/handler/%3Cscript%3E?%3Cimg%3E=%3Cscript%3E", **{"x-evil": MARKUP})
    page = Reader(answer.text)
    assert page.text.count(MARKUP) >= 2  # the message, and the header
    for tag in ("<script", "<img"):
        assert tag not in answer.text


def test_a_secret_in_the_source_is_masked(ask):
    answer = ask("/literal")
    assert "# the SECRET_KEY, in a line of the source" in Reader(answer.text).text
    assert SECRET_KEY not in answer.text


def test_locals_are_not_shown(ask):
    text = ask("/handler/x").text
    assert "key = SECRET_KEY + TOKEN" in text  # the source, which says nothing
    assert SECRET_KEY + TOKEN not in text


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        ("authorization", True),
        ("cookie", True),
        ("x-csrf-token", True),
        ("x-amz-security-token", True),
        ("api_key", True),
        ("apikey", True),
        ("sessionid", True),
        ("new_password2", True),
        ("client_secret", True),
        ("sig", True),
        ("pin", True),
        ("accept", False),
        ("user-agent", False),
        ("author", False),
        ("keyboard", False),
        ("page", False),
        ("compass", False),
        ("spinner", False),
    ],
)
def test_names_of_secrets(name, is_secret):
    assert (Masker().value(name, "x") == MASK) is is_secret


def test_masking():
    masker = Masker(["long-secret", "long-secret-2", "abc"])
    assert masker.text("a long-secret-2 and long-secret") == f"a {MASK} and {MASK}"
    assert masker.text("abc") == "abc"  # too short to be told from other text
    assert masker.text("postgres://me:pass@host/db") == f"postgres://me:{MASK}@host/db"
    assert masker.html("<long-secret>") == f"&lt;{MASK}&gt;"
    assert masker.setting("STRIPE_API_KEY", "sk_1") == MASK
    assert masker.setting("PAGE_SIZE", 5) == "5"


# Never outside DEBUG


@pytest.mark.parametrize("accept", ["text/html", "application/json", "application/problem+json"])
@pytest.mark.parametrize(
    "path",
    ["/handler/x", "/template", "/broken", "/thread", "/background", "/deep", "/group", "/chain"]
    + [f"/hook/{name}" for name in ("request_started", "authorize", "response_finalize")],
)
def test_nothing_internal_outside_debug(ask, path, accept):
    answer = ask(path, debug=False, accept=accept)
    assert answer.status_code == 500
    shown = re.sub(r"(?s)<style>.*?</style>", "", answer.text).lower()
    for internal in ("valueerror", "lookup", "traceback", "conftest", ".py", "plugin", "jinja"):
        assert internal not in shown, internal
    assert "the server failed to answer this request" in shown


# The page itself


def test_its_own_policy_allows_its_style_and_nothing_else(ask):
    answer = ask("/handler/x")
    (style,) = re.findall("<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert answer.headers["content-security-policy"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_core_alone_shows_it_too():
    app = Flasgo(discover=False, settings={"DEBUG": True, "SECRET_KEY": SECRET_KEY})

    @app.get("/")
    async def fail():
        raise ValueError("alone")

    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/", headers={"accept": "text/html"})
    assert "alone" in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_frames_know_whose_code_they_are():
    try:
        re.compile("(")
    except re.error as error:
        (failure,) = chain(error)
    assert failure.frames[-1].is_own
    assert failure.frames[-1].path == __file__
    assert not failure.frames[0].is_own
    assert dict(failure.frames[-1].source)[failure.frames[-1].line].strip() == 're.compile("(")'


def test_calls_in_libraries_are_folded_below_those_of_the_app(connect) -> None:
    app = Flasgo(settings={"DEBUG": True, "SECRET_KEY": "for-tests-only-0123456789-abcdefghij"})

    @app.get("/")
    async def home() -> None:
        json.loads("{")

    page = connect(app).get("/", headers={"accept": "text/html"}).text
    own, _, libraries = page.partition('<details class="group"><summary>Calls in libraries')
    assert ".home</span>" in own
    assert "decoder.py" not in own.partition("<h2")[0]
    assert "decoder.py" in libraries
