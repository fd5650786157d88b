"""`flasgo check`: SARIF and JSON, the level that fails, baselines, and the report as a page."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from flasgo import Finding
from flasgo.cli import create_cli
from flasgo.cli.checking.baseline import Accepted, sort_out
from flasgo.cli.checking.sarif import sarif_log
from flasgo_security.reasons import REASONS
from typer.testing import CliRunner

from tests.pages.browser import browser

SECRET = "s3cr3t-value-that-nobody-may-see"
APP = """
from flasgo import AllowAny, Finding, Flasgo, hookimpl
from flasgo.plugin import ReportTable
from flasgo_security import csrf_exempt, rate_limit

class Odd:
    name = "odd<b>"

    @hookimpl
    def plugin_setup(self, registry):
        registry.setting("ODD_TOKEN", str, default="SECRET", secret=True, help="Odd.")
        registry.request_attribute("oddity", lambda request: 1)

    @hookimpl
    def check_app(self, app, deploy):
        yield Finding("odd.I001", "info", "<script>alert('SECRET')</script>", "Set <b>it</b>.")

    @hookimpl
    def report_tables(self, app):
        yield ReportTable("Odd <i>things</i>", "All & more.", ("<b>",), [("SECRET",), ("<img>",)])

    @hookimpl
    def request_started(self, request): ...

app = Flasgo(
    plugins=[Odd()],
    settings={
        "API_TITLE": "Shop <one>",
        "SESSION_COOKIE_SECURE": False,
        "RATELIMIT_STORAGE_URI": "redis://user:hunter22@cache.internal/0",
        "SECURITY_FAILURE_RATE_LIMIT": 100,
        "ALLOWED_HOSTS": {"shop.example"},
    },
)
app.register_auth_backend("key", lambda request: None)

@app.get("/")
async def home(): ...

@app.post("/login")
@rate_limit("5/minute", on="failure")
async def login(): ...

@app.get("/health")
@app.authorize(AllowAny())
async def health(): ...

@app.post("/incoming")
@csrf_exempt
@app.authorize(backend="key")
async def incoming(): ...
""".replace("SECRET", SECRET)

Run = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("own_modules")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[str, str], Path]) -> Run:
    write("app.py", APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLASGO_SECRET_KEY", "0f3b1c9a7d5e42608b1f6c2d9e7a4b53")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FLASGO_APP", raising=False)

    def invoke(*arguments: str) -> Any:
        sys.modules.pop("app", None)  # a test changes the file
        return CliRunner().invoke(create_cli(), ("check", *arguments), catch_exceptions=False)

    return invoke


def found(result: Any) -> dict[str, dict[str, Any]]:
    return {row["code"]: row for row in json.loads(result.stdout)}


# --- Formats ----------------------------------------------------------------------------------


def test_json_names_settings_routes_and_places(run: Run, tmp_path: Path) -> None:
    rows = found(run("--deploy", "--format", "json"))
    assert rows["security.E001"]["setting"] == "SESSION_COOKIE_SECURE"
    assert rows["security.E001"]["routes"] == []
    routes = {route["endpoint"]: route for route in rows["auth.W003"]["routes"]}
    assert routes.keys() == {"home", "login"}
    line = 1 + APP.splitlines().index('@app.get("/")')
    assert routes["home"]["source"] == f"{tmp_path / 'app.py'}:{line}"
    assert rows == found(run("--deploy", "--json"))


def test_the_two_ways_to_ask_for_json_cannot_contradict_each_other(run: Run) -> None:
    result = run("--json", "--format", "sarif")
    assert result.exit_code == 1
    assert "--json and --format sarif contradict each other" in result.stderr


def test_an_unknown_format_is_refused(run: Run) -> None:
    result = run("--format", "xml")
    assert result.exit_code == 2
    assert "'text', 'json', 'sarif'" in result.stderr


TEXT = {"type": "string", "minLength": 1}
MESSAGE = {
    "type": "object",
    "properties": {"text": TEXT, "markdown": TEXT},
    "required": ["text"],
    "additionalProperties": False,
}
LEVEL = {"enum": ["none", "note", "warning", "error"]}


def closed(required: str, **properties: object) -> dict[str, object]:
    """Return the schema of an object that has no other properties than these."""
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


# What SARIF 2.1.0 (sections 3.13 to 3.51) says of the properties that we use, and no more.
PLACE = closed(
    "",
    physicalLocation=closed(
        "artifactLocation",
        artifactLocation=closed(
            "uri",
            uri={"type": "string", "pattern": "^[A-Za-z0-9._~%/-]+$"},
            uriBaseId={"const": "SRCROOT"},
        ),
        region=closed("startLine", startLine={"type": "integer", "minimum": 1}),
    ),
    logicalLocations={
        "type": "array",
        "items": closed("", name=TEXT, fullyQualifiedName=TEXT, kind=TEXT),
    },
)
RULE = closed(
    "id",
    id=TEXT,
    shortDescription=MESSAGE,
    fullDescription=MESSAGE,
    help=MESSAGE,
    defaultConfiguration=closed("level", level=LEVEL),
    properties=closed("tags", tags={"type": "array", "items": TEXT, "uniqueItems": True}),
)
RESULT = closed(
    "message",
    ruleId=TEXT,
    ruleIndex={"type": "integer", "minimum": 0},
    level=LEVEL,
    message=MESSAGE,
    locations={"type": "array", "items": PLACE},
    partialFingerprints={"type": "object", "additionalProperties": {"type": "string"}},
    baselineState={"enum": ["new", "unchanged", "updated", "absent"]},
    suppressions={
        "type": "array",
        "items": closed(
            "kind",
            kind={"enum": ["inSource", "external"]},
            status={"enum": ["accepted", "underReview", "rejected"]},
            justification=TEXT,
        ),
    },
)
RUN = closed(
    "tool",
    tool=closed(
        "driver",
        driver=closed(
            "name", name=TEXT, version=TEXT, rules={"type": "array", "items": RULE, "minItems": 1}
        ),
    ),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    originalUriBaseIds={
        "type": "object",
        "additionalProperties": closed("", uri=TEXT, description=MESSAGE),
    },
    results={"type": "array", "items": RESULT},
)
SARIF = closed(
    "version runs",
    **{"$schema": {"type": "string", "format": "uri"}},
    version={"const": "2.1.0"},
    runs={"type": "array", "items": RUN},
)


def sarif(result: Any) -> dict[str, Any]:
    log = json.loads(result.stdout)
    jsonschema.validate(log, SARIF)
    (only,) = log["runs"]
    for each in only["results"]:
        assert only["tool"]["driver"]["rules"][each["ruleIndex"]]["id"] == each["ruleId"]
    return only


def test_sarif_is_valid_and_leads_to_the_handlers(run: Run) -> None:
    log = sarif(run("--deploy", "--format", "sarif"))
    rules = {rule["id"]: rule for rule in log["tool"]["driver"]["rules"]}
    assert "**Fix:**" in rules["security.E001"]["help"]["markdown"]
    assert "CWE-614" in rules["security.E001"]["fullDescription"]["text"]
    results = {result["ruleId"]: result for result in log["results"]}
    assert results["security.E001"]["level"] == "error"
    assert results["security.I006"]["level"] == "note"
    home, login = results["auth.W003"]["locations"]
    place = home["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "app.py", "uriBaseId": "SRCROOT"}
    assert place["region"]["startLine"] == 1 + APP.splitlines().index('@app.get("/")')
    assert login["logicalLocations"][0]["fullyQualifiedName"] == "POST /login"
    (of_app,) = results["security.E001"]["locations"]
    assert of_app["physicalLocation"]["artifactLocation"]["uri"] == "app.py"
    assert of_app["logicalLocations"] == [{"name": "SESSION_COOKIE_SECURE", "kind": "member"}]


def test_sarif_names_no_place_outside_the_project(tmp_path: Path, make_app: Any) -> None:
    app = make_app()
    app.add_route("/", shutil.rmtree, endpoint="remove")
    finding = Finding("a.W001", "warning", "Found.", "Fix it.", routes=app.routes)
    log = sarif_log([finding], [], version="1", root=tmp_path, app_file=Path("/etc/hostname"))
    jsonschema.validate(log, SARIF)
    assert all(
        "physicalLocation" not in place for place in log["runs"][0]["results"][0]["locations"]
    )


def test_fingerprints_stay_the_same(run: Run) -> None:
    first, second = (sarif(run("--deploy", "--format", "sarif")) for _ in range(2))
    assert first == second
    prints = [result["partialFingerprints"]["codeAndMessage/v1"] for result in first["results"]]
    assert len(set(prints)) == len(prints)


# --- The level that fails ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ((), 0),
        (("--fail-level", "info"), 1),
        (("--fail-level", "warning"), 0),
        (("--deploy",), 1),
        (("--deploy", "--fail-level", "error"), 1),
        (("--deploy", "--fail-level", "never"), 0),
    ],
)
def test_the_level_that_fails(run: Run, arguments: tuple[str, ...], status: int) -> None:
    assert run(*arguments).exit_code == status


# --- Baselines --------------------------------------------------------------------------------


def test_a_baseline_leaves_out_what_it_knows(run: Run, tmp_path: Path) -> None:
    written = run("--deploy", "--write-baseline", "known.json")
    assert written.exit_code == 0
    assert "Give the reason for each" in written.stderr
    result = run("--deploy", "--baseline", "known.json")
    assert (result.exit_code, result.stdout) == (0, "Nothing found.\n")
    assert "left out, as known.json knows of them" in result.stderr

    # Another open route is another message, so it is new.
    more = '\n@app.get("/admin")\nasync def admin(): ...\n'
    (tmp_path / "app.py").write_text(APP + more)
    result = run("--deploy", "--baseline", "known.json", "--json")
    assert result.exit_code == 1
    assert found(result).keys() == {"auth.W003"}
    assert "names auth.W003, which is found no more" in result.stderr


def test_reasons_are_kept_and_shown(run: Run, tmp_path: Path) -> None:
    run("--deploy", "--write-baseline", "known.json")
    baseline = json.loads((tmp_path / "known.json").read_text())
    entry = next(row for row in baseline["findings"] if row["code"] == "security.E001")
    entry["reason"] = "Served in a laboratory."
    baseline["findings"].append({"code": "gone.W001", "message": "It was.", "reason": "Old."})
    (tmp_path / "known.json").write_text(json.dumps(baseline))
    both = ("--baseline", "known.json", "--write-baseline", "known.json")
    assert run("--deploy", *both).exit_code == 0
    rows = json.loads((tmp_path / "known.json").read_text())["findings"]
    assert {row["code"]: row["reason"] for row in rows}["security.E001"] == entry["reason"]
    assert "gone.W001" not in {row["code"] for row in rows}

    log = sarif(run("--deploy", "--baseline", "known.json", "--format", "sarif"))
    (result,) = [each for each in log["results"] if each["ruleId"] == "security.E001"]
    assert result["baselineState"] == "unchanged"
    assert result["suppressions"] == [
        {"kind": "external", "status": "accepted", "justification": entry["reason"]}
    ]


@pytest.mark.parametrize("code", ["core.E001", "core.E005"])
def test_that_nothing_could_be_judged_is_always_reported(code: str) -> None:
    finding = Finding(code, "error", "It fails.", "Repair it.")
    parted = sort_out([finding], [Accepted(code, "It fails.", "no")])
    assert (parted.new, parted.known) == ([finding], [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "There is no baseline 'known.json'. Write one: flasgo check --write-baseline"),
        ("{", "'known.json' is not a baseline"),
        ("[]", "'known.json' is not a baseline"),
        ('{"findings": [{"code": 1, "message": ""}]}', "'known.json' is not a baseline"),
        ('{"findings": [], "ignore": "*"}', "'known.json' is not a baseline"),
        ('{"findings": [{"code": "a", "message": "\udc80"}]}', "'known.json' is not a baseline"),
    ],
)
def test_a_file_that_is_no_baseline(
    run: Run, tmp_path: Path, text: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / "known.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    result = run("--baseline", "known.json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_a_file_that_cannot_be_written(run: Run) -> None:
    for option in ("--write-baseline", "--report"):
        result = run(option, "no/such/folder.json")
        assert result.exit_code == 1
        assert "No such file or directory" in result.stderr


# --- Reasons ----------------------------------------------------------------------------------


def test_every_finding_of_the_bundle_says_why(run: Run) -> None:
    rows = found(run("--deploy", "--json"))
    assert {code for code, row in rows.items() if not row["why"]} == {"odd.I001"}
    text = run("--deploy").stdout
    assert "  why    An attacker on the network can take over the session (CWE-614).\n" in text


def test_queries_in_the_log_are_reported(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "access_log.I001" not in found(run("--deploy", "--json"))
    monkeypatch.setenv("FLASGO_ACCESS_LOG_QUERY", "true")
    assert found(run("--deploy", "--json"))["access_log.I001"]["setting"] == "ACCESS_LOG_QUERY"
    assert "access_log.I001" not in found(run("--json"))


def test_every_reason_is_one_of_a_code_that_there_is() -> None:
    source = Path(__file__).parents[2] / "flasgo-security/src/flasgo_security/checks.py"
    codes = set(re.findall(r'"(security\.[EWI]\d{3})"', source.read_text()))
    assert codes == REASONS.keys()


# --- The report -------------------------------------------------------------------------------


class Reader(HTMLParser):
    """Collects the tags, the texts of cells, and what a page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.loads: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            assert not name.startswith("on"), (tag, name)
            assert name != "style", tag
            if name in ("src", "href") and not (value or "").startswith(("#", "data:,")):
                self.loads.append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def report(run: Run, tmp_path: Path) -> Path:
    result = run("--deploy", "--report", "report.html")
    assert result.stderr.splitlines()[-1] == "Report: report.html"
    return tmp_path / "report.html"


def test_the_report_shows_everything_and_no_secret(report: Path) -> None:
    page = report.read_text(encoding="utf-8")
    reader = Reader()
    reader.feed(page)
    assert reader.loads == []
    assert not reader.tags & {"script", "img", "iframe", "form", "b<", "i"}
    assert "default-src &#x27;none&#x27;; style-src &#x27;sha256-" in page
    for secret in (SECRET, "hunter22", "0f3b1c9a7d5e42608b1f6c2d9e7a4b53"):
        assert secret not in page
    for part in (
        "Shop <one>",
        "security.E001",
        "An attacker on the network",  # why
        "Set SESSION_COOKIE_SECURE to True",  # fix
        "no access policy",
        "IsAuthenticated() via key",
        "rate_limit (5 per 60 s, on failure)",
        "strict-origin-when-cross-origin",
        "CSRF exemptions",
        "<script>alert('********')</script>",
        "Odd <i>things</i>",
        "odd<b>",
        "request_started (every route)",
        "oddity",
        "ODD_TOKEN",
        "RATELIMIT_STORAGE_URI",
    ):
        assert part in reader.text, part


def test_routes_without_a_policy_are_marked(report: Path) -> None:
    flagged = re.findall(r'<tr class="flag">(.*?)</tr>', report.read_text(encoding="utf-8"))
    texts = [re.sub(r"<[^>]*>", " ", row).split() for row in flagged]
    assert ["GET,", "HEAD", "/", "home", "no", "access", "policy"] in texts
    assert ["POST", "/incoming", "incoming"] in texts
    assert not any("/health" in row for row in texts)


def test_the_report_of_an_app_that_does_not_start(run: Run, tmp_path: Path) -> None:
    broken = APP.replace(
        "app = Flasgo(",
        "from dataclasses import dataclass\nfrom flasgo import "
        "Policy, attach_policy\nclass Alone(Policy):\n    def explain(self): return 'alone'\n"
        "app = Flasgo(",
    )
    (tmp_path / "app.py").write_text(f"{broken}\nattach_policy(home, Alone())\n")
    result = run("--report", "report.html")
    assert result.exit_code == 1
    page = (tmp_path / "report.html").read_text()
    assert "core.E001" in page
    assert "UnenforcedPolicyError" in page


def test_the_report_of_an_app_without_a_title_has_its_name(tmp_path: Path, run: Run) -> None:
    (tmp_path / "app.py").write_text("from flasgo import Flasgo\napp = Flasgo('shop')\n")
    run("--report", "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "<title>Security report: shop</title>" in page
    assert "<p>shop. Judged" in page


def test_a_plugin_that_fails_has_a_table_that_says_so(tmp_path: Path, run: Run) -> None:
    failing = APP.replace('yield ReportTable("Odd', 'raise LookupError("lost")\n        yield (')
    failing = re.sub(r"yield \(.*", "yield None", failing)
    (tmp_path / "app.py").write_text(failing)
    run("--report", "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "LookupError: lost" in page
    assert "rate_limit (5 per 60 s" in page


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
def test_the_report_in_chromium(report: Path, tmp_path: Path) -> None:
    with browser(tmp_path / "profile") as page:
        for width in (1280, 390):
            for dark in (False, True):
                page.open(report.as_uri(), width=width, dark=dark)
                assert page.complaints == []
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                # Read as one block on a phone, as a table on a desk; styled in both.
                shown = page.evaluate("getComputedStyle(document.querySelector('td')).display")
                assert shown == ("block" if width == 390 else "table-cell")
                colour = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
                assert colour == ("rgb(16, 18, 22)" if dark else "rgb(245, 246, 248)")
