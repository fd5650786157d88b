"""The widgets example, served for real: by hand, by schemathesis, and in Chromium (OA-1, OA-3)."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest
from openapi_spec_validator import validate

ROOT = Path(__file__).resolve().parents[2]
WIDGETS = ROOT / "examples" / "widgets"
TOKEN = "widgets-tests-only-0123456789"
# What a browser adds to requests of the site's own pages.
OWN_PAGE = {"sec-fetch-site": "same-origin"}
OPERATOR = {**OWN_PAGE, "Authorization": f"Bearer {TOKEN}"}
GEAR = {"name": "Planetary gear", "clearance": "0.05", "kind": "gear", "tags": ["steel"]}
TIMEOUT_SECONDS = 120


def load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


browser = load("flasgo_test_browser", ROOT / "tests" / "pages" / "browser.py")


@pytest.fixture
def url(serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> str:
    """The example, served by uvicorn."""
    monkeypatch.setenv("WIDGETS_TOKEN", TOKEN)
    command = ("uvicorn", "app:app", "--port", "{port}", "--log-level", "warning")
    return serve(*command, cwd=WIDGETS, ready="/widgets").url


def test_the_api_does_what_it_says(url: str) -> None:
    with httpx2.Client(base_url=url) as client:
        made = client.post("/widgets", json=GEAR, headers=OWN_PAGE)
        assert made.status_code == 201
        widget = made.json()
        assert {key: widget[key] for key in GEAR} == GEAR
        # Neither what it cost, nor any other field that the model does not have.
        assert set(widget) == {"id", "created", *GEAR}
        place = made.headers["location"]
        assert client.get(place).json() == widget
        assert client.get("/widgets?name=planet&kind=gear").json() == {
            "total": 1,
            "widgets": [widget],
        }
        changed = {**GEAR, "clearance": "-0.10"}
        assert client.put(place, json=changed, headers=OWN_PAGE).json()["clearance"] == "-0.10"
        assert client.delete(place, headers=OWN_PAGE).status_code == 401
        assert client.delete(place, headers=OPERATOR).status_code == 204
        assert client.get(place).status_code == 404
        assert client.post("/widgets", json=GEAR).status_code == 403
        body = {**GEAR, "clearance": "NaN", "colour": 1, "tags": [""]}
        wrong = client.post("/widgets", json=body, headers=OWN_PAGE)
        assert wrong.status_code == 422
        assert ["body", "tags", 0] in [fault["loc"] for fault in wrong.json()["errors"]]


def test_the_document_is_valid_and_the_command_prints_the_same(url: str, tmp_path: Path) -> None:
    served = httpx2.get(f"{url}/openapi.json").json()
    validate(served)
    file = tmp_path / "openapi.json"
    flasgo = [str(Path(sys.executable).parent / "flasgo"), "openapi"]
    environment = {**os.environ, "FLASGO_SECRET_KEY": TOKEN * 2}
    for arguments in ((), ("--json",), ("--output", str(file))):
        done = subprocess.run(
            [*flasgo, *arguments],
            cwd=WIDGETS,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=True,
        )
        assert json.loads(file.read_text() if "--output" in arguments else done.stdout) == served


@pytest.mark.parametrize(
    ("headers", "options"),
    [
        (OPERATOR, ()),
        # It expects 401 where a header with credentials is missing. What may come from another
        # site is refused before anybody asks for credentials.
        ({}, ("--exclude-checks", "missing_required_header")),
    ],
    ids=["with-credentials", "from-another-site-and-without"],
)
def test_schemathesis_finds_no_answer_outside_the_document(
    url: str, tmp_path: Path, headers: dict[str, str], options: tuple[str, ...]
) -> None:
    """All its checks: no 5xx, statuses, media types, headers and schemas as documented, invalid
    input refused, valid input accepted."""
    sent = [part for name, value in headers.items() for part in ("--header", f"{name}: {value}")]
    done = subprocess.run(
        [
            *(str(Path(sys.executable).parent / "schemathesis"), "run", f"{url}/openapi.json"),
            *sent,
            *options,
            *("--max-examples", "25", "--seed", "6", "--no-color"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Failures:" not in done.stdout
    assert "5 selected / 5 total" in done.stdout


# --- The documentation in a browser ----------------------------------------------------------


class DocsPage:
    """The page of the documentation in Chromium, with a log of what it asked the network for."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.requests: list[dict[str, Any]] = []
        self.statuses: dict[str, int] = {}
        note = page._note

        def note_network(event: str, data: dict[str, Any]) -> None:
            if event == "Network.requestWillBeSent":
                self.requests.append(data["request"])
            elif event == "Network.responseReceived":
                self.statuses[data["response"]["url"]] = data["response"]["status"]
            note(event, data)

        page._note = note_network

    def until(self, expression: str) -> Any:
        """Evaluate an expression until its value is true."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            value = self.page.evaluate(expression)
            if value:
                return value
            time.sleep(0.05)
        raise TimeoutError(f"{expression} stayed false; complaints: {self.page.complaints}")

    def click(self, selector: str) -> None:
        """Click an element once it is there."""
        self.until(f"!!document.querySelector({json.dumps(selector)})")
        self.page.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    def violations(self) -> list[str]:
        """What the console and the Issues panel say about policies, scripts and loading."""
        # Swagger UI's own inputs have no names; that is a hint about accessibility.
        hints = ("FormEmptyIdAndNameAttributesForInputError", "NavigationEntryMarkedSkippable")
        return [text for text in self.page.complaints if not any(hint in text for hint in hints)]


@pytest.fixture
def docs(url: str, tmp_path: Path) -> Iterator[DocsPage]:
    if browser.EXECUTABLE is None:
        pytest.skip("Chromium is not installed")
    with browser.browser(tmp_path / "chromium") as page:
        shown = DocsPage(page)
        page.open(f"{url}/docs")
        yield shown


def test_the_docs_page_works_in_chromium_and_asks_nobody_else(docs: DocsPage, url: str) -> None:
    docs.until("document.querySelectorAll('.opblock').length === 5")
    assert docs.page.evaluate("document.title") == "Widgets"
    block = "#operations-widgets-create_widget"
    docs.click(f"{block} .opblock-summary-control")
    docs.click(f"{block} .try-out__btn")
    docs.click(f"{block} .execute")
    status = docs.until(
        f"document.querySelector('{block} .live-responses-table .response td.response-col_status')"
        "?.innerText"
    )
    # The POST has passed the CSRF check: the browser says that it comes from the site's own page.
    assert status.strip().startswith("201")
    posts = [each for each in docs.requests if each["method"] == "POST"]
    assert [each["url"] for each in posts] == [f"{url}/widgets"]
    assert docs.statuses[f"{url}/widgets"] == 201

    loaded = {each["url"] for each in docs.requests if not each["url"].startswith("data:")}
    assert {f"{url}/docs/assets/swagger-ui-bundle.js", f"{url}/openapi.json"} <= loaded
    assert [each for each in loaded if not each.startswith(f"{url}/")] == []
    assert docs.violations() == []

    # And the log does see what a policy forbids.
    docs.page.evaluate(
        "document.head.append(Object.assign(document.createElement('script'),"
        "{textContent: 'window.hacked = 1'}))"
    )
    assert docs.page.evaluate("window.hacked") is None
    assert any("ContentSecurityPolicy" in text for text in docs.violations())
