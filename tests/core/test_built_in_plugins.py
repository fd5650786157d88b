"""OpenAPI and the error pages are plugins like any other (DESIGN 8), and `error_response`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from flasgo import Flasgo, HookError, HTTPException, PluginError, Request, Response, hookimpl
from flasgo.features import BUILT_IN

from tests.conftest import Connect

ALL_OFF = {"disable_plugins": set(BUILT_IN)}


def plugin(name: str, **hooks: Any) -> object:
    """Return a plugin with these functions as its hooks."""
    return type("Made", (), {"name": name, **{k: hookimpl(f) for k, f in hooks.items()}})()


def loaded_by(code: str) -> set[str]:
    """Return the modules of `flasgo.features` that a program imports."""
    code += "\nimport json, sys\nprint(json.dumps([m for m in sys.modules if 'features.' in m]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.removeprefix("flasgo.features.") for name in json.loads(done.stdout)}


# --- Chosen like any other plugin --------------------------------------------------------------


def test_they_are_listed_as_built_in(make_app: Callable[..., Flasgo]) -> None:
    app = make_app()
    for name in BUILT_IN:
        info = app.plugins[name]
        assert (info.status, info.builtin, info.distribution) == ("active", True, "flasgo-core")
        assert info.version == app.plugins[name].version != ""
    assert app.plugins["openapi"].methods == ("openapi_spec",)
    assert "ENABLE_DOCS" in app.plugins["openapi"].settings
    assert app.plugins["error_pages"].hooks == ("error_response",)


@pytest.mark.parametrize("way", ["argument", "setting", "environment"])
def test_they_are_switched_off_by_name(
    make_app: Callable[..., Flasgo], monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    if way == "environment":
        monkeypatch.setenv("FLASGO_DISABLE_PLUGINS", "openapi")
        app = make_app()
    elif way == "setting":
        app = make_app(settings={"DISABLED_PLUGINS": {"openapi"}})
    else:
        app = make_app(disable_plugins={"openapi"})
    assert (app.plugins["openapi"].status, app.plugins["openapi"].builtin) == ("disabled", True)
    with pytest.raises(AttributeError, match="not active here are openapi"):
        app.openapi_spec()


def test_the_allow_list_of_installed_plugins_does_not_concern_them() -> None:
    for allowed in (set(), {"openapi"}):
        settings = {"SECRET_KEY": "for-tests-only-0123456789-abcdefghij", "PLUGINS": allowed}
        app = Flasgo(settings=settings)
        assert [info.name for info in app.plugins if info.status == "active"] == sorted(BUILT_IN)


def test_a_plugin_of_the_same_name_takes_the_place(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    def error_response(self: object, error: Exception) -> Response:
        return Response.text("mine", getattr(error, "status_code", 500))

    app = make_app(plugin("error_pages", error_response=error_response))
    assert app.plugins["error_pages"].builtin is False
    answer = connect(app).get("/nowhere")
    assert (answer.status_code, answer.text) == (404, "mine")


def test_settings_of_one_that_is_switched_off_have_no_effect(
    make_app: Callable[..., Flasgo], connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(disable_plugins={"openapi"}, settings={"ENABLE_DOCS": True})
    assert "it belongs to plugin 'openapi', which is switched off" in caplog.text
    assert connect(app).get("/openapi.json").status_code == 404


def test_the_page_about_plugins_lists_them() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "plugins.md").read_text("utf-8")
    table = page.partition("### Plugins that come with core")[2].partition("They are made")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(BUILT_IN)


@pytest.mark.parametrize("name", BUILT_IN)
def test_all_of_their_settings_are_declared_in_the_metadata(
    make_app: Callable[..., Flasgo], name: str
) -> None:
    declared = {
        point.name
        for point in entry_points(group="flasgo.settings")
        if point.value == name and point.dist is not None and point.dist.name == "flasgo-core"
    }
    assert declared == set(make_app().plugins[name].settings)


def test_another_plugin_cannot_take_their_settings(make_app: Callable[..., Flasgo]) -> None:
    def plugin_setup(self: object, registry: Any) -> None:
        registry.setting("ENABLE_DOCS", bool, default=False)

    with pytest.raises(PluginError, match="both 'openapi' and 'a'") as caught:
        make_app(plugin("a", plugin_setup=plugin_setup))
    assert caught.value.plugin == "a"


def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    made = "from flasgo import Flasgo; app = Flasgo(discover=False)"
    assert loaded_by("import flasgo") == set()
    light = {"error_pages", "error_pages.plugin", "openapi"}
    small = {"health", "health.hookspecs", "access_log", "request_ids"}
    health = {*small, *(f"{name}.plugin" for name in small if "." not in name)}
    assert loaded_by(made) == {*light, *health, "openapi.plugin"}
    off = "from flasgo import Flasgo; app = Flasgo(discover=False, disable_plugins={'%s'})"
    assert loaded_by(off % "openapi") == {*light, *health} - {"openapi"}
    assert loaded_by(off % "error_pages") == {*health, "openapi", "openapi.plugin"}


# --- Without the pages -------------------------------------------------------------------------


def failing(app: Flasgo, error: Exception, path: str = "/") -> None:
    async def handler() -> None:
        raise error

    app.add_route(path, handler, endpoint=path.strip("/") or "index")


@pytest.mark.parametrize("debug", [False, True])
def test_without_them_errors_are_a_line_of_text(
    make_app: Callable[..., Flasgo], connect: Connect, *, debug: bool
) -> None:
    app = make_app(settings={"DEBUG": debug}, **ALL_OFF)
    failing(app, ZeroDivisionError("secret"))
    failing(app, HTTPException(429, "Wait.", headers={"retry-after": "3"}), "/busy")
    failing(app, HTTPException(401, headers={"www-authenticate": "a\r\nb: c"}), "/bad")
    client = connect(app)
    answer = client.get("/", headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["content-type"]) == (
        500,
        "text/plain; charset=utf-8",
    )
    assert answer.text == "500 Internal Server Error: The server failed to answer this request.\n"
    assert answer.headers["x-content-type-options"] == "nosniff"
    answer = client.get("/busy")
    assert (answer.text, answer.headers["retry-after"]) == ("429 Too Many Requests: Wait.\n", "3")
    assert client.get("/nowhere").text.startswith("404 Not Found: ")
    assert client.post("/").headers["allow"] == "GET, HEAD, OPTIONS"
    assert client.get("/bad").status_code == 500


# --- error_response ----------------------------------------------------------------------------


def answering(text: str | None, seen: list[Exception] | None = None) -> Any:
    def error_response(self: object, request: Request, error: Exception) -> Response | None:
        if seen is not None:
            seen.append(error)
        return None if text is None else Response.text(text, 418)

    return error_response


def answering_async(text: str) -> Any:
    async def error_response(self: object, error: Exception) -> Response:
        return Response.text(text, 418)

    return error_response


def raising(error: Exception) -> Any:
    def error_response(self: object) -> None:
        raise error

    return error_response


@pytest.mark.parametrize("make", [answering, answering_async])
def test_the_first_answer_is_taken(
    make_app: Callable[..., Flasgo], connect: Connect, make: Any
) -> None:
    app = make_app(
        plugin("a", error_response=answering(None)),
        plugin("b", error_response=make("b")),
        plugin("c", error_response=answering("c")),
    )
    failing(app, KeyError("x"))
    for path in ("/", "/nowhere"):
        assert connect(app).get(path).text == "b"


def test_error_handlers_of_the_app_come_first(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app(plugin("a", error_response=answering("a")))
    app.errorhandler(404)(lambda error: "mine")
    assert connect(app).get("/nowhere").text == "mine"


def test_none_leaves_the_answer_to_the_pages(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    seen: list[Exception] = []
    app = make_app(plugin("a", error_response=answering(None, seen)))
    assert connect(app).get("/nowhere").json()["error"] == "not_found"
    assert [type(error) for error in seen] == [HTTPException]


@pytest.mark.parametrize("off", [(), tuple(BUILT_IN)])
@pytest.mark.parametrize(
    "hook",
    [
        raising(OSError("disk")),
        lambda self: "not a response",
        lambda self: answering_async("x")(self, None),
    ],
)
def test_a_hook_that_fails_is_named_and_answered_with_a_500(
    make_app: Callable[..., Flasgo],
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
    hook: Any,
    off: tuple[str, ...],
) -> None:
    app = make_app(plugin("a", error_response=hook), disable_plugins=set(off))
    answer = connect(app).get("/nowhere")
    assert answer.status_code == 500
    assert "disk" not in answer.text
    error = answer.extensions["exception"]
    assert isinstance(error, HookError)
    assert (error.plugin, error.hook) == ("a", "error_response")
    assert "Plugin 'a' failed in error_response" in caplog.text


def test_an_http_exception_in_the_hook_is_answered_by_those_after_it(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app(plugin("a", error_response=raising(HTTPException(503, "Later."))))
    failing(app, HTTPException(500))
    answer = connect(app).get("/")
    assert (answer.status_code, answer.json()["detail"]) == (503, "Later.")


def test_a_failing_hook_shows_the_hook_error_to_this_one(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    seen: list[Exception] = []

    def response_finalize(self: object) -> None:
        raise LookupError("no")

    app = make_app(
        plugin("a", error_response=answering("a", seen)),
        plugin("b", response_finalize=response_finalize),
    )
    app.add_route("/", lambda: "x", endpoint="index")
    assert connect(app).get("/").text == "a"
    [error] = seen
    assert isinstance(error, HookError)
    assert isinstance(error.__cause__, LookupError)


def test_a_kept_response_is_copied_for_each_request(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    kept = Response.text("kept", 404)

    def error_response(self: object) -> Response:
        return kept

    app = make_app(plugin("a", error_response=error_response))

    @app.after_request
    def count(response: Response) -> None:
        response.headers.add("x-count", "1")

    for _ in range(2):
        answer = connect(app).get("/nowhere")
        assert answer.headers["x-count"] == "1"


def test_the_hook_is_chosen_per_endpoint(make_app: Callable[..., Flasgo], connect: Connect) -> None:
    only = type(
        "Only",
        (),
        {"error_response": hookimpl(when=lambda route: route.path == "/a")(answering("only here"))},
    )()
    app = make_app(only)
    failing(app, KeyError("x"), "/a")
    failing(app, KeyError("x"), "/b")
    assert connect(app).get("/a").text == "only here"
    assert connect(app).get("/b").json()["error"] == "internal_server_error"
    stages = [step.stage for step in app.explain(app.routes[1])]
    assert stages.count("error_response") == 1


# --- Roles -------------------------------------------------------------------------------------


def declaring(name: str, *roles: Any) -> object:
    def plugin_setup(self: object, registry: Any) -> None:
        for role, provider in roles:
            registry.role(role, provider)

    return plugin(name, plugin_setup=plugin_setup)


def test_absolute_urls_take_their_host_from_the_role(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app(declaring("hosts", ("trusted_host", lambda request: "shop.example:8443")))
    app.add_route("/", lambda: app.url_for("index", _external=True), endpoint="index")
    assert connect(app).get("/").text == "http://shop.example:8443/"
    assert app.plugins.role("trusted_host") is not None
    assert app.plugins.role("require_login") is None


@pytest.mark.parametrize(
    ("plugins", "message"),
    [
        ([declaring("a", ("trusted_hosts", str))], "no role 'trusted_hosts'.*'trusted_host'"),
        ([declaring("a", ("trusted_host", "x"))], "role 'trusted_host' was given 'x'"),
        (
            [declaring("a", ("trusted_host", str)), declaring("b", ("trusted_host", str))],
            "Plugins 'a' and 'b' both bring the role 'trusted_host'",
        ),
    ],
)
def test_a_role_is_one_that_is_free(
    make_app: Callable[..., Flasgo], plugins: list[object], message: str
) -> None:
    with pytest.raises(PluginError, match=message):
        make_app(*plugins)
