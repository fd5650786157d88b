"""The live example: a chat and a ticker, in two tabs of a real browser."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.pages.browser import Page, browser

from .conftest import ROOT, Serve, Server, free_port

LIVE = ROOT / "examples" / "live"
BROADCAST = ROOT / "examples" / "plugins" / "flasgo-broadcast"
# Nothing is asserted about speed: this only ends what hangs.
SETTLE_SECONDS = 30.0
needs_chromium = pytest.mark.skipif(
    shutil.which("chromium") is None, reason="chromium is not installed"
)
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SAID = "[...document.querySelectorAll('#messages li')].map(item => item.innerText)"


@pytest.fixture
def server(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The example, served by the command that its file names, with a quicker market."""
    monkeypatch.setenv("LIVE_TICK_SECONDS", "0.1")
    return serve("flasgo", "run", "app.py", "--port", "{port}", cwd=LIVE)


@pytest.fixture
def tabs(server: Server, tmp_path: Path) -> Iterator[tuple[Page, Page]]:
    """Two tabs of one browser with the page in them."""
    with browser(tmp_path / "profile") as first, second_tab(first) as second:
        for tab in (first, second):
            show(tab, server.url)
        yield first, second


@contextmanager
def second_tab(first: Page) -> Generator[Page]:
    target = first.call("Target.createTarget", url="about:blank")["targetId"]
    host, port = first.socket.remote_address[:2]
    address = f"ws://{host}:{port}/devtools/page/{target}"
    with connect(address, max_size=2**26, proxy=None) as socket:
        page = Page(socket)
        for domain in ("Page", "Network", "Runtime", "Log", "Audits"):
            page.call(f"{domain}.enable")
        yield page


def show(tab: Page, url: str, **options: Any) -> None:
    """Open a URL in a tab; browsers paint only the one in front."""
    tab.call("Page.bringToFront")
    tab.open(url, **options)


def until(tab: Page, expression: str) -> None:
    """Wait until an expression is true in a tab."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while not tab.evaluate(expression):
        if time.monotonic() > deadline:
            pytest.fail(f"{expression} stays false; {tab.evaluate('document.body.innerText')}")
        time.sleep(0.05)


def say(tab: Page, name: str, text: str) -> None:
    """Type into the form and send it, as a person would."""
    tab.evaluate(
        f"""(() => {{
          const form = document.getElementById("say");
          form.elements.speaker.value = {json.dumps(name)};
          form.elements.message.value = {json.dumps(text)};
          form.requestSubmit();
        }})()"""
    )


@needs_chromium
def test_two_tabs_talk_and_watch(tabs: tuple[Page, Page], server: Server, tmp_path: Path) -> None:
    ann, bob = tabs
    for tab in tabs:
        until(tab, "document.getElementById('chat-state').textContent === '2 people'")
        until(tab, "document.getElementById('ticker-state').textContent === 'live'")

    say(ann, "Ann", "Is it going up?")
    until(bob, f"{SAID}.length === 1")
    say(bob, "Bob", "<img src=x onerror=alert(1)> & <b>up</b>")
    until(ann, f"{SAID}.length === 2")

    for tab in tabs:
        lines = tab.evaluate(SAID)
        assert lines[0].endswith("Is it going up?")
        assert lines[1].endswith("<img src=x onerror=alert(1)> & <b>up</b>")
        assert tab.evaluate("document.querySelectorAll('#messages img').length") == 0
    assert ann.evaluate("document.querySelectorAll('.mine').length") == 1
    for tab in tabs:
        before = tab.evaluate("Number(document.getElementById('price').dataset.number)")
        until(tab, f"Number(document.getElementById('price').dataset.number) > {before + 3}")
        assert tab.evaluate("document.getElementById('line').getAttribute('d').length") > 20
        assert tab.evaluate(OVERFLOW) == 0
        assert tab.complaints == []
    ann.call("Page.bringToFront")
    ann.screenshot(tmp_path / "desktop.png")


@needs_chromium
def test_a_tab_that_closes_is_noticed_and_one_that_opens_sees_the_past(
    tabs: tuple[Page, Page], server: Server, tmp_path: Path
) -> None:
    ann, bob = tabs
    until(ann, "document.getElementById('chat-state').textContent === '2 people'")
    say(ann, "Ann", "Bye, Bob")
    until(bob, f"{SAID}.length === 1")
    show(bob, "about:blank")
    until(ann, "document.getElementById('chat-state').textContent === 'you are alone'")
    show(bob, server.url, width=390, height=844, dark=True)
    until(bob, f"{SAID}.length === 1")
    until(bob, "Number(document.getElementById('price').dataset.number) > 0")

    assert bob.evaluate(OVERFLOW) == 0
    assert bob.complaints == []
    bob.screenshot(tmp_path / "phone.png", full=True)


@needs_chromium
def test_the_last_message_is_in_sight_unless_somebody_reads_the_past(
    tabs: tuple[Page, Page], server: Server
) -> None:
    ann, bob = tabs
    at_the_end = (
        "(list => list.scrollHeight - list.scrollTop - list.clientHeight < 2)"
        "(document.getElementById('messages'))"
    )
    for number in range(3):
        say(ann, "Ann", f"{number} " + "word " * 99)
    until(bob, f"{SAID}.length === 3 && {at_the_end}")
    show(bob, server.url, width=390, height=844)
    until(bob, f"{SAID}.length === 3 && {at_the_end}")

    bob.evaluate(
        """new Promise(done => {
          const list = document.getElementById("messages");
          list.addEventListener("scroll", () => requestAnimationFrame(done), { once: true });
          list.scrollTop = 0;
        })"""
    )
    say(ann, "Ann", "the last word")
    until(bob, f"{SAID}.length === 4")
    assert bob.evaluate("document.getElementById('messages').scrollTop") == 0

    show(ann, server.url)
    assert ann.evaluate("document.getElementById('say').elements.speaker.value") == "Ann"
    until(ann, "document.querySelectorAll('.mine').length === 4")


def test_the_page_has_nothing_inline(server: Server) -> None:
    answer = httpx2.get(server.url, timeout=10)

    assert "'unsafe-inline'" not in answer.headers["content-security-policy"]
    assert "<style" not in answer.text
    assert " style=" not in answer.text
    assert "onclick" not in answer.text
    assert "<script>" not in answer.text


def test_another_sites_page_cannot_open_the_socket(server: Server) -> None:
    address = server.url.replace("http", "ws") + "/chat/room"
    with pytest.raises(InvalidStatus) as caught:
        connect(address, origin=Origin("https://evil.example"))
    assert caught.value.response.status_code == 403
    with connect(address, origin=Origin(server.url)) as socket:
        assert json.loads(socket.recv(timeout=10))["kind"] == "people"


@pytest.mark.parametrize(
    ("message", "code"), [("not json", 1007), ('{"name": 1}', 1007), ("x" * 5000, 1009)]
)
def test_what_the_page_never_sends_closes_the_socket(
    server: Server, message: str, code: int
) -> None:
    with connect(server.url.replace("http", "ws") + "/chat/room") as socket:
        socket.send(message)
        with pytest.raises(ConnectionClosedError):
            list(socket)
        assert socket.close_code == code


def test_a_ticker_goes_on_where_a_reader_was(server: Server) -> None:
    headers = {"last-event-id": "3"}
    with httpx2.stream("GET", f"{server.url}/ticker/prices", headers=headers, timeout=30) as answer:
        ids = (line for line in answer.iter_lines() if line.startswith("id:"))
        assert [next(ids), next(ids)] == ["id: 4", "id: 5"]


# --- Several workers --------------------------------------------------------------------------


@pytest.fixture
def redis_uri(tmp_path: Path) -> Iterator[str]:
    """A redis-server, ended by its process id."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed: apt-get install redis-server")
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.kill()
        process.wait(SETTLE_SECONDS)


@pytest.fixture
def two_workers(
    serve: Serve, redis_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Server:
    """The page served by two workers, with the plugin as if it were installed."""
    info = tmp_path / "site" / "flasgo_broadcast-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: flasgo-broadcast\nVersion: 0.1.0\n"
    )
    (info / "entry_points.txt").write_text(
        "[flasgo.plugins]\nbroadcast = flasgo_broadcast:BroadcastPlugin\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{info.parent}:{BROADCAST / 'src'}")
    monkeypatch.setenv("FLASGO_BROADCAST_URI", redis_uri)
    command = ("flasgo", "run", "workers.py", "--port", "{port}", "--workers", "2")
    return serve(*command, cwd=LIVE)


def hear(socket: ClientConnection, text: str) -> None:
    """Receive until somebody has said this."""
    while json.loads(socket.recv(timeout=SETTLE_SECONDS))["text"] != text:
        pass


def a_worker_of(server: Server) -> int:
    """Return the process id of a worker."""
    for task in Path(f"/proc/{server.process.pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            if b"resource_tracker" not in Path(f"/proc/{child}/cmdline").read_bytes():
                return child
    pytest.fail(f"There are no workers:\n{server.log.read_text()}")


def test_one_chat_over_two_workers(two_workers: Server) -> None:
    room = two_workers.url.replace("http", "ws") + "/chat/room"
    with ExitStack() as stack:
        people = [stack.enter_context(connect(room, proxy=None)) for _ in range(8)]
        people[0].send(json.dumps({"name": "Ann", "text": "Is anybody there?"}))
        for person in people:
            hear(person, "Is anybody there?")
        os.kill(a_worker_of(two_workers), signal.SIGKILL)
        # The people of the worker that is left, and those who reconnect, are in the same chat.
        two_workers.until(lambda answer: answer.status_code == 200)
        with connect(room, proxy=None) as late:
            hear(late, "Is anybody there?")
            late.send(json.dumps({"name": "Bob", "text": "I am."}))
            hear(late, "I am.")
            for person in people:
                with suppress(ConnectionClosed):  # of those whose worker was killed
                    hear(person, "I am.")
