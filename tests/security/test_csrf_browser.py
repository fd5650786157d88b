"""SEC-2 in a real browser: plain HTML forms work, those of other sites do not."""

import contextlib
import html
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

APP = """
from flasgo import Flasgo, Response
from flasgo_security import SecurityPlugin, csp, csrf_input

app = Flasgo(
    settings={
        "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz",
        "ALLOWED_HOSTS": {"localhost", "app.localhost", "app.test"},
        "SESSION_COOKIE_SECURE": False,
        "CSRF_COOKIE_SECURE": False,
    },
    plugins=[SecurityPlugin()],
    discover=False,
)

FORM = (
    '<form method="post" action="/submit" enctype="{}">{}'
    '<input name="name" value="ann"><input type="submit" id="send"></form>'
)


@app.get("/plain")
async def plain():
    return Response.html(FORM.format("application/x-www-form-urlencoded", ""))


@app.get("/multipart")
async def multipart():
    return Response.html(FORM.format("multipart/form-data", ""))


@app.get("/sandboxed")
@csp("sandbox allow-forms allow-scripts")
async def sandboxed():
    return Response.html(FORM.format("application/x-www-form-urlencoded", csrf_input()))


app.state.submitted = []


@app.after_request
async def note(request, response):
    if request.path == "/submit":
        app.state.submitted.append([request.headers.get("origin"), response.status_code])
    return response


@app.get("/submitted")
async def submitted():
    return app.state.submitted


@app.get("/versioned")
async def versioned(request):
    asked = request.headers.get("if-none-match")
    script = "document.title = 'ran'"
    page = Response.html(f"<script nonce={request.csp_nonce}>{script}</script><p id=p>page")
    page.set_etag("version-7")
    answer = page.make_conditional(request)
    app.state.answers.append([asked, answer.status_code])
    return answer


app.state.answers = []


@app.get("/answers")
async def answers():
    return app.state.answers


@app.get("/token")
async def token():
    return Response.html(FORM.format("multipart/form-data", csrf_input()))


@app.post("/submit")
async def submit(request):
    form = await request.form()
    site = request.headers.get("sec-fetch-site", "unknown")
    return Response.html(f"<p id=result>saved {form.get('name')} from {site}</p>")
"""


class Browser:
    """A Chromium of the test's own, driven over its DevTools protocol, ended by its process id."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process = subprocess.Popen(
            [shutil.which("chromium") or "chromium", "--headless", "--no-sandbox", "--disable-gpu",
             "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--remote-debugging-port=0",
             "--host-resolver-rules=MAP app.test 127.0.0.1",
             f"--user-data-dir={directory}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._port = self._debugging_port()

    def _debugging_port(self) -> int:
        for _ in range(400):
            with contextlib.suppress(OSError, IndexError, ValueError):
                return int((self._directory / "DevToolsActivePort").read_text().split()[0])
            time.sleep(0.05)
        raise RuntimeError("chromium did not start")

    def open(self, url: str) -> "Page":
        """Open a page in a new tab."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/json/new?about:blank", method="PUT"
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            target = json.load(answer)
        page = Page(target["webSocketDebuggerUrl"])
        page.call("Page.enable")
        page.call("Page.navigate", url=url)
        return page

    def stop(self) -> None:
        """End the browser."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)


class Page:
    """One tab."""

    def __init__(self, url: str) -> None:
        from websockets.sync.client import connect

        self._stack = contextlib.ExitStack()
        self._socket = self._stack.enter_context(connect(url, max_size=None, open_timeout=20))
        self._number = 0

    def call(self, method: str, **params: Any) -> Any:
        """Call a method of the protocol, and return its result."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        for _ in range(1000):
            message = json.loads(self._socket.recv(timeout=20))
            if message.get("id") == self._number:
                return message.get("result", {})
        raise RuntimeError("no answer")

    def evaluate(self, script: str) -> Any:
        """Return the value of an expression in the page."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        return result.get("result", {}).get("value")

    def wait_for(self, script: str) -> Any:
        """Return the value of an expression as soon as it has one."""
        for _ in range(400):
            value = self.evaluate(script)
            if value:
                return value
            time.sleep(0.05)
        raise AssertionError(f"{script} never held; the page is {self.text()!r}")

    def text(self) -> str:
        return self.evaluate("document.documentElement.innerText") or ""

    def submit(self) -> str:
        """Press the form's button, and return the text of the page that follows."""
        self.wait_for("document.readyState == 'complete' && !!document.getElementById('send')")
        self.evaluate("document.getElementById('send').click()")
        self.wait_for("document.readyState == 'complete' && !document.getElementById('send')")
        return self.text()

    def close(self) -> None:
        self._stack.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[Browser]:
    if shutil.which("chromium") is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    pytest.importorskip("websockets")
    made = Browser(tmp_path_factory.mktemp("chromium"))
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def port(tmp_path_factory) -> Iterator[int]:
    """The port of a uvicorn with the app."""
    pytest.importorskip("uvicorn")
    directory = tmp_path_factory.mktemp("app")
    (directory / "browser_app.py").write_text(APP)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "browser_app:app", "--app-dir", str(directory),
         "--port", str(port), "--log-level", "warning"],
        env=dict(os.environ),
    )  # fmt: skip
    try:
        for _ in range(400):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            time.sleep(0.05)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


@pytest.fixture(scope="module")
def evil_port(port: int) -> Iterator[int]:
    """The port of another site with forms that lead to the app."""

    def form(host: str, more: str = "") -> str:
        return (
            f'<form method="post" action="http://{host}:{port}/submit">{more}'
            '<input name="name" value="evil"><input type="submit" id="send"></form>'
        )

    at_once = "<script>document.forms[0].submit()</script>"
    # The token is one that the attacker was given for a visit of its own.
    toss = (
        "<script>const token = location.search.slice(1);"
        'document.cookie = "csrf=" + token + "; domain=app.localhost; path=/";'
        "document.forms[0].csrf_token.value = token</script>"
    )
    pages = {
        "/": form("localhost"),
        "/sibling": form("app.localhost"),
        "/quiet": '<meta name="referrer" content="no-referrer">' + form("app.localhost"),
        "/toss": form("app.localhost", '<input name="csrf_token">') + toss,
        "/framed": '<iframe sandbox="allow-forms allow-scripts" srcdoc="'
        + html.escape(form("app.localhost") + at_once)
        + '"></iframe>',
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0])
            self.send_response(404 if page is None else 200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write((page or "").encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Any]:
    pages: list[Page] = []

    def open_page(url: str) -> Page:
        pages.append(browser.open(url))
        return pages[-1]

    yield open_page
    for page in pages:
        page.close()


@pytest.mark.parametrize("path", ["/plain", "/multipart"])
def test_a_plain_html_form_works(open_page, port, path):
    shown = open_page(f"http://localhost:{port}{path}").submit()
    assert shown.strip() == "saved ann from same-origin"


def test_the_form_of_another_site_is_refused(open_page, evil_port):
    shown = open_page(f"http://127.0.0.1:{evil_port}/").submit()
    assert "saved" not in shown
    assert "403" in shown


def test_where_browsers_say_nothing_a_form_needs_the_token(open_page, port):
    # Fetch Metadata is for https and localhost only; this is http on another host.
    without = open_page(f"http://app.test:{port}/plain").submit()
    assert "403" in without
    shown = open_page(f"http://app.test:{port}/token").submit()
    assert shown.strip() == "saved ann from unknown"


# --- From hosts of the same site (browsers trust http on *.localhost as they do https) -----------


def get(url: str) -> Any:
    """Return the answer to a request of no browser."""
    return urllib.request.urlopen(url, timeout=20)


@pytest.mark.parametrize("path", ["/sibling", "/quiet"])
def test_the_form_of_a_sibling_host_is_refused(open_page, port, evil_port, path):
    shown = open_page(f"http://evil.app.localhost:{evil_port}{path}").submit()
    assert "403" in shown
    shown = open_page(f"http://app.localhost:{port}/plain").submit()
    assert shown.strip() == "saved ann from same-origin"


def test_a_cookie_tossed_by_a_sibling_host_opens_nothing_and_breaks_nothing(
    open_page, port, evil_port
):
    with get(f"http://localhost:{port}/token") as answer:
        token = answer.headers["set-cookie"].partition(";")[0].partition("=")[2]
    page = open_page(f"http://evil.app.localhost:{evil_port}/toss?{token}")
    assert "403" in page.submit()
    # The browser sends the tossed cookie from now on; forms of the app work all the same.
    for path in ("/plain", "/token"):
        own = open_page(f"http://app.localhost:{port}{path}")
        own.wait_for(f"document.cookie.includes({token!r})")
        assert own.submit().strip() == "saved ann from same-origin"


def test_a_sandboxed_page_is_another_origin(open_page, port):
    """Its origin is null, even where it comes from the app and shows a good token."""
    shown = open_page(f"http://app.localhost:{port}/sandboxed").submit()
    assert "403" in shown


def test_a_sandboxed_frame_is_refused(open_page, port, evil_port):
    def seen() -> list[list[object]]:
        with get(f"http://localhost:{port}/submitted") as answer:
            return json.load(answer)

    before = len(seen())
    open_page(f"http://evil.app.localhost:{evil_port}/framed")
    for _ in range(400):
        if len(seen()) > before:
            break
        time.sleep(0.05)
    assert seen()[before:] == [["null", 403]]


# --- SEC-4: policies and caches -----------------------------------------------------------------


def test_the_script_of_a_kept_page_runs_after_a_304(open_page, port):
    for _ in range(3):
        page = open_page(f"http://localhost:{port}/versioned")
        page.wait_for("document.readyState == 'complete' && !!document.getElementById('p')")
        assert page.evaluate("document.title") == "ran"
    with get(f"http://localhost:{port}/answers") as answer:
        answers = json.load(answer)
    assert answers[0] == [None, 200]
    assert answers[1:] == [['"version-7"', 304]] * 2
