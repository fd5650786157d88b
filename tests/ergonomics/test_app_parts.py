"""ERG-3, ERG-7 and ERG-14: Flask's spellings of an app's and a blueprint's parts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flasgo import (
    Blueprint,
    ConfigurationError,
    Flasgo,
    HTTPException,
    Response,
    RouteError,
    abort,
    g,
    has_request_context,
    render_template_string,
    request,
    session,
    url_for,
)

from tests.conftest import Connect

MakeApp = Callable[..., Flasgo]


# --- register_error_handler, add_url_rule, config -------------------------------------------


@pytest.mark.parametrize("on_blueprint", [False, True])
def test_register_error_handler_and_add_url_rule(
    make_app: MakeApp, connect: Connect, on_blueprint: bool
) -> None:
    app = make_app()
    scope = Blueprint("scope", "/scope") if on_blueprint else app

    def show(number: int) -> str:
        return str(number) if number else abort(404)

    def save() -> str:
        return request.method

    save.methods = ["PUT", "POST"]  # type: ignore[attr-defined]  # ty: ignore[missing-attribute]
    scope.add_url_rule("/show/<int:number>", "one", show)
    scope.add_url_rule("/save", view_func=save)
    scope.add_url_rule("/both", "both", lambda: "x", methods=["GET", "POST"], summary="Both")
    scope.register_error_handler(404, lambda error: (f"no: {error.status_code}", 404))
    prefix = ""
    if isinstance(scope, Blueprint):
        app.register_blueprint(scope)
        prefix = "/scope"
    client = connect(app)
    assert client.get(f"{prefix}/show/7").text == "7"
    assert client.get(f"{prefix}/show/0").text == "no: 404"
    assert client.put(f"{prefix}/save").text == "PUT"
    assert client.get(f"{prefix}/save").status_code == 405
    assert client.post(f"{prefix}/both").text == "x"
    with pytest.raises(RouteError, match="no view_func"):
        make_app().add_url_rule("/later", "later")


def test_config_is_the_settings(make_app: MakeApp) -> None:
    app = make_app(settings={"MAX_REQUEST_BODY_BYTES": 7})
    assert app.config is app.settings
    assert app.config["MAX_REQUEST_BODY_BYTES"] == app.config.get("MAX_REQUEST_BODY_BYTES") == 7


# --- test_request_context -------------------------------------------------------------------


def test_a_request_context_makes_everything_work_without_serving(make_app: MakeApp) -> None:
    app, notes = make_app(), Blueprint("notes", "/notes")
    seen: list[str] = []
    app.before_request(lambda: seen.append("called"))
    notes.add_url_rule("/<int:number>", "show", lambda number: "x")
    app.register_blueprint(notes)
    with app.test_request_context("/notes/7?page=2", headers={"x-own": "1"}) as context:
        assert has_request_context()
        assert request.path == "/notes/7"
        assert request.query["page"] == "2"
        assert request.headers["x-own"] == "1"
        assert request.path_params == {"number": 7}
        assert context.request.route is not None
        assert request.method == "GET"
        g.user = "anna"
        session["seen"] = 1
        assert session["seen"] == 1
        assert url_for(".show", number=8) == "/notes/8"
        assert url_for("notes.show", number=8, _external=True) == "http://localhost/notes/8"
        assert render_template_string("{{ request.path }} {{ g.user }}") == "/notes/7 anna"
    assert not has_request_context()
    assert seen == []


async def test_a_request_context_has_a_body(make_app: MakeApp) -> None:
    app = make_app()
    with app.test_request_context("/nowhere", "post", json={"a": [1]}):
        assert request.route is None
        assert request.method == "POST"
        assert await request.json() == {"a": [1]}
    with app.test_request_context("/", method="POST", data={"a": "1"}):
        assert (await request.form())["a"] == "1"


# --- Blueprints -----------------------------------------------------------------------------


def test_blueprints_are_made_as_in_flask(make_app: MakeApp, connect: Connect) -> None:
    app = make_app()
    auth = Blueprint("auth", __name__, url_prefix="/auth")
    other = Blueprint("other", import_name=__name__, prefix="/other")
    plain = Blueprint("plain")
    for blueprint in (auth, other, plain):
        blueprint.add_url_rule("/login", "login", lambda: request.path)
        assert blueprint.import_name == __name__
    app.register_blueprint(auth)
    app.register_blueprint(other, url_prefix="/moved")
    app.register_blueprint(plain, prefix="/plain")
    client = connect(app)
    for path in ("/auth/login", "/moved/login", "/plain/login"):
        assert client.get(path).text == path
    for make in (
        lambda: Blueprint("a", "/x", url_prefix="/y"),
        lambda: Blueprint("a", "never_imported_x"),
        lambda: Blueprint("a", "json"),  # a module, but not the one that makes the blueprint
        lambda: app.register_blueprint(Blueprint("b"), prefix="/x", url_prefix="/y"),
    ):
        with pytest.raises(ConfigurationError):
            make()
    assert "never_imported_x" not in sys.modules


def test_a_blueprint_registers_callbacks_of_the_whole_app(
    make_app: MakeApp, connect: Connect
) -> None:
    app, outer, inner = make_app(), Blueprint("outer", "/outer"), Blueprint("inner", "/inner")
    ended: list[str] = []

    @inner.before_app_request
    def before() -> None:
        g.seen = "before"

    @inner.after_app_request
    def after(response: Response) -> None:
        response.headers["x-seen"] = g.seen

    @inner.teardown_app_request
    def teardown() -> None:
        ended.append(request.path)

    @inner.app_errorhandler(404)
    def missing(error: HTTPException) -> tuple[str, int]:
        return "missing", 404

    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    app.register_blueprint(outer, name="again", prefix="/again")
    app.get("/")(lambda: "x")
    with connect(app) as client:
        assert client.get("/").headers["x-seen"] == "before"
        assert client.get("/nowhere").text == "missing"
    assert ended == ["/", "/nowhere"]
    with pytest.raises(ConfigurationError, match="registered already"):
        inner.before_app_request(before)


# --- ERG-7: 404 and 405 below a prefix ------------------------------------------------------


def _answering(name: str, prefix: str = "", **options: Any) -> Blueprint:
    blueprint = Blueprint(name, prefix, **options)

    def answer(error: HTTPException) -> tuple[str, int]:
        return f"{name} {error.status_code}", error.status_code

    for status in (404, 405):
        blueprint.register_error_handler(status, answer)
    blueprint.get("/here")(lambda tenant=None: "here")
    return blueprint


def test_the_innermost_blueprint_answers_404_and_405_below_its_prefix(
    make_app: MakeApp, connect: Connect
) -> None:
    app = make_app(settings={"ALLOWED_HOSTS": ["localhost", "api.localhost"]})
    app.register_error_handler(404, lambda error: ("app", 404))
    api = _answering("api", "/api")
    api.register_blueprint(_answering("v2", "/v2"))
    plain = Blueprint("plain", "/plain")
    plain.get("/here")(lambda: "here")
    api.register_blueprint(plain)
    app.register_blueprint(api)
    app.register_blueprint(_answering("everywhere"))
    host = _answering("host", host="api.localhost")
    app.register_blueprint(host)
    client = connect(app, base_url="http://localhost")
    expected = {
        "/nowhere": "app",
        "/apix": "app",
        "/api": "api 404",
        "/api/": "api 404",
        "/api/a/b": "api 404",
        "/api/plain/x": "api 404",
        "/api/v2": "v2 404",
        "/api/v2/a/b/": "v2 404",
    }
    for path, text in expected.items():
        answer = client.get(path)
        assert (path, answer.text, answer.status_code) == (path, text, 404)
    answer = client.post("/api/v2/here")
    assert (answer.text, answer.status_code) == ("v2 405", 405)
    assert "GET" in answer.headers["allow"]
    assert client.get("http://api.localhost/nowhere").text == "host 404"


def test_prefixes_may_have_parameters(make_app: MakeApp, connect: Connect) -> None:
    app = make_app()
    tenants = Blueprint("tenants", "/t/<int:tenant>")
    tenants.register_error_handler(404, lambda error: ("tenant", 404))
    tenants.get("/here")(lambda tenant: str(tenant))
    app.register_blueprint(tenants)
    client = connect(app)
    assert client.get("/t/7/nowhere").text == "tenant"
    assert client.get("/t/x/nowhere").text != "tenant"
    assert client.get("/t/7/here").text == "7"


# --- Rules ----------------------------------------------------------------------------------


def test_string_and_any_in_rules(make_app: MakeApp, connect: Connect) -> None:
    app = make_app()

    @app.get("/u/<string:name>")
    def user(name: str) -> str:
        return name

    @app.get("/by/<any(day, week,'month'):span>")
    def by(span: str) -> str:
        return span

    @app.get("/by/<other>")
    def by_other(other: str) -> str:
        return f"other {other}"

    client = connect(app)
    assert client.get("/u/anna").text == "anna"
    for span in ("day", "week", "month"):
        assert client.get(f"/by/{span}").text == span
    assert client.get("/by/year").text == "other year"
    with app.app_context():
        assert url_for("by", span="week") == "/by/week"
        with pytest.raises(Exception, match="one of day, month, week"):
            url_for("by", span="year")
    schema = app.openapi_spec()["paths"]["/by/{span}"]["get"]["parameters"][0]["schema"]
    assert schema["enum"] == ["day", "week", "month"]
    with pytest.raises(RouteError, match="/u/<str"):
        app.get("/u/<str:other>", endpoint="u2")(lambda other: "x")
    for rule in ("/<any():x>", "/<any(a,):x>", "/<int(min=1):x>"):
        with pytest.raises(RouteError, match="any"):
            app.get(rule, endpoint=rule)(lambda x: "x")


# --- defaults= ------------------------------------------------------------------------------


@pytest.mark.parametrize("on_blueprint", [False, True])
def test_defaults_stand_for_parameters_that_a_rule_lacks(
    make_app: MakeApp, connect: Connect, on_blueprint: bool
) -> None:
    app = make_app()
    scope = Blueprint("scope") if on_blueprint else app

    @scope.route("/notes/", defaults={"page": 1})
    @scope.route("/notes/<int:page>/")
    def notes(page: int) -> dict[str, object]:
        return {"page": page, "args": request.view_args}

    @scope.route("/any", defaults={"kind": "x"})
    async def anything(**rest: object) -> dict[str, object]:
        return rest

    if isinstance(scope, Blueprint):
        app.register_blueprint(scope)
    client = connect(app)
    assert client.get("/notes/").json() == {"page": 1, "args": {"page": 1}}
    assert client.get("/notes/7/").json() == {"page": 7, "args": {"page": 7}}
    assert client.get("/any").json() == {"kind": "x"}
    name = "scope.notes" if on_blueprint else "notes"
    assert app.url_for(name) == app.url_for(name, page=1) == "/notes/"
    assert app.url_for(name, page=2, q="a") == "/notes/2/?q=a"
    document = app.openapi_spec()["paths"]
    assert document["/notes/"]["get"].get("parameters", []) == []


@pytest.mark.parametrize(
    ("rule", "defaults", "message"),
    [
        ("/a/<page>", {"page": 1}, "leave it out"),
        ("/a", {"other": 1}, "no parameter of that name"),
        ("/a", ["page"], "is a dict"),
    ],
)
def test_defaults_that_fit_nothing_are_refused(
    make_app: MakeApp, rule: str, defaults: Any, message: str
) -> None:
    with pytest.raises(RouteError, match=message):
        make_app().add_route(rule, lambda page="": page, defaults=defaults)


# --- app.run(debug=True) --------------------------------------------------------------------


def test_run_with_debug_serves_with_debug_on(tmp_path: Path) -> None:
    program = tmp_path / "app.py"
    program.write_text(
        "from flasgo import Flasgo\n"
        "app = Flasgo(__name__)\n"
        "print('DEBUG', app.debug, flush=True)\n"
        "if __name__ == '__main__':\n"
        "    app.run(debug=True, port=0)\n"
    )
    environ = {name: value for name, value in os.environ.items() if name != "FLASGO_DEBUG"}
    with subprocess.Popen(
        [sys.executable, str(program)],
        cwd=tmp_path,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            lines = iter(process.stdout.readline, "")
            assert next(lines) == "DEBUG False\n"
            assert next(lines) == "DEBUG True\n"
        finally:
            process.terminate()


def test_run_with_debug_needs_a_new_process(make_app: MakeApp) -> None:
    with pytest.raises(ConfigurationError, match="FLASGO_DEBUG=1"):
        make_app().run(debug=True, reload=False)
