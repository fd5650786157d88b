"""A real Chromium, driven over its DevTools protocol."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

START_SECONDS = 60
ANSWER_SECONDS = 30
EXECUTABLE = shutil.which("chromium")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)


@dataclass
class Page:
    """One tab.

    Attributes:
        complaints: What the console and the Issues panel say: violations and errors.
        status: The status of the document that was opened last.
    """

    socket: ClientConnection
    complaints: list[str] = field(default_factory=list)
    status: int = 0
    _last: int = 0
    _loaded: bool = False

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and wait for its answer."""
        self._last += 1
        self.socket.send(json.dumps({"id": self._last, "method": method, "params": parameters}))
        while True:
            message = self._receive()
            if message.get("id") == self._last:
                assert "error" not in message, f"{method}: {message['error']}"
                return message["result"]

    def _receive(self) -> dict[str, Any]:
        message = json.loads(self.socket.recv(timeout=ANSWER_SECONDS))
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, event: str, data: dict[str, Any]) -> None:
        if event == "Page.loadEventFired":
            self._loaded = True
        elif event == "Network.responseReceived" and data["type"] == "Document":
            self.status = data["response"]["status"]
        elif event == "Audits.issueAdded":
            self.complaints.append(json.dumps(data["issue"]))
        elif event == "Log.entryAdded" and data["entry"]["source"] != "network":
            self.complaints.append(data["entry"]["text"])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(data["exceptionDetails"]))

    def open(self, url: str, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Open a URL in a window of a size and wait until it is loaded."""
        phone = width < 600
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.complaints.clear()
        self._loaded = False
        self.call("Page.navigate", url=url)
        self._settle()

    def submit(self, expression: str) -> None:
        """Evaluate an expression that opens another page, and wait until that is loaded."""
        self._loaded = False
        self.call("Runtime.evaluate", expression=f"setTimeout(() => {expression})")
        self._settle()

    def _settle(self) -> None:
        while not self._loaded:
            self._receive()
        self.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))")

    # Any: a value of JavaScript.
    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression in the page."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def screenshot(self, path: Path, *, full: bool = False) -> None:
        """Save what the page looks like."""
        answer = self.call("Page.captureScreenshot", captureBeyondViewport=full)
        path.write_bytes(base64.b64decode(answer["data"]))


@contextmanager
def browser(profile: Path) -> Generator[Page]:
    """Start Chromium; end it, by its process, in the end.

    Args:
        profile: An empty directory, for it alone.
    """
    assert EXECUTABLE is not None
    with subprocess.Popen(
        [EXECUTABLE, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            with _connected(profile) as socket:
                page = Page(socket)
                for domain in ("Page", "Network", "Runtime", "Log", "Audits"):
                    page.call(f"{domain}.enable")
                yield page
        finally:
            process.terminate()
            process.wait(ANSWER_SECONDS)


def _connected(profile: Path) -> ClientConnection:
    port_file = profile / "DevToolsActivePort"
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if port_file.exists() and port_file.read_text().count("\n"):
            port = port_file.read_text().split("\n")[0]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
                targets = [t for t in json.load(answer) if t["type"] == "page"]
            if targets:
                address = targets[0]["webSocketDebuggerUrl"]
                return connect(address, max_size=2**26, proxy=None)
        time.sleep(0.05)
    raise TimeoutError("Chromium did not open its DevTools port")
