"""ERG-14: templates and static files of blueprints, and the registry's powers behind them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flasgo import (
    Blueprint,
    BuildError,
    ConfigurationError,
    Flasgo,
    PluginError,
    Registry,
    RouteError,
    _bundle,
    hookimpl,
    render_template,
)
from flasgo.plugin import PlacedBlueprint
from flasgo.plugins import declared_names

from tests.conftest import Connect

MakeApp = Callable[..., Flasgo]


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Templates and static files of an app and of a blueprint, with one name in both."""
    for where, name, text in (
        ("app/templates", "both.html", "the app's"),
        ("app/templates", "page.html", "{{ who|default('-') }} {{ what|default('-') }}"),
        ("notes/templates", "both.html", "the blueprint's"),
        ("notes/templates", "notes/own.html", "own {{ url_for('.static', filename='x.css') }}"),
        ("notes/static", "x.css", "a {}"),
    ):
        path = tmp_path / where / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def off(name: str, **options: Any) -> Any:
    """Return a blueprint; hidden from type checkers, which would say what is wrong."""
    return Blueprint(name, f"/{name}", **options)


# --- Templates ------------------------------------------------------------------------------


def test_templates_of_the_app_come_first(make_app: MakeApp, folders: Path) -> None:
    app = make_app()
    app.configure_templates(folders / "app/templates")
    notes = Blueprint("notes", "/notes", template_folder=folders / "notes/templates")
    notes.get("/<name>.html")(lambda name: render_template(f"{name}.html"))
    app.register_blueprint(notes)
    assert app.render_template("both.html") == "the app's"
    assert app.templates.list_templates() == ["both.html", "notes/own.html", "page.html"]


def test_an_app_without_templates_has_those_of_its_blueprints(
    make_app: MakeApp, folders: Path
) -> None:
    app = make_app()
    app.register_blueprint(Blueprint("notes", template_folder=folders / "notes/templates"))
    assert app.render_template("both.html") == "the blueprint's"


def test_a_folder_is_looked_for_next_to_the_blueprint(
    make_app: MakeApp, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of a name that no other test imports.
    (folders / "notes").rename(folders / "notes_beside_folders")
    (folders / "notes_beside_folders/__init__.py").write_text(
        "from flasgo import Blueprint\n"
        "one = Blueprint('one', '/one', template_folder='templates', static_folder='static')\n"
        "two = Blueprint('two', __name__, url_prefix='/two', template_folder='templates')\n"
    )
    monkeypatch.syspath_prepend(folders)
    import notes_beside_folders as notes  # ty: ignore[import-not-found] - made above

    for blueprint in (notes.one, notes.two):
        app = make_app()
        app.register_blueprint(blueprint)
        assert app.render_template("both.html") == "the blueprint's"


def test_a_folder_that_is_not_there_is_named(make_app: MakeApp) -> None:
    app = make_app()
    with pytest.raises(ConfigurationError, match="no template directory 'nowhere'"):
        app.register_blueprint(Blueprint("notes", template_folder="nowhere"))
    app.register_blueprint(Blueprint("notes", template_folder=None))


# --- Context processors ---------------------------------------------------------------------


def test_context_processors_of_blueprints(
    make_app: MakeApp, folders: Path, connect: Connect
) -> None:
    app = make_app()
    app.configure_templates(folders / "app/templates")
    outer, inner = Blueprint("outer", "/outer"), Blueprint("inner", "/inner")
    outer.context_processor(lambda: {"who": "outer", "what": "outer"})
    inner.context_processor(lambda request: {"what": request.path})
    for scope in (app, outer, inner):
        scope.get("/page")(lambda: render_template("page.html"))
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    client = connect(app)
    assert client.get("/page").text == "- -"
    assert client.get("/outer/page").text == "outer outer"
    assert client.get("/outer/inner/page").text == "outer /outer/inner/page"
    assert app.render_template("page.html") == "- -"


def test_what_a_blueprint_brings_to_all_templates(make_app: MakeApp, folders: Path) -> None:
    app = make_app()
    notes = Blueprint("notes", "/notes")

    @notes.app_context_processor
    def everywhere() -> dict[str, object]:
        return {"who": "everywhere"}

    @notes.app_template_filter("loud")
    def shout(text: str) -> str:
        return text.upper()

    notes.app_template_test()(str.isdecimal)
    notes.app_template_global(name="answer")(lambda: 42)
    app.register_blueprint(notes)
    app.configure_templates(folders / "app/templates")
    assert app.render_template("page.html") == "everywhere -"
    text = "{{ 'a'|loud }} {{ '1' is isdecimal }} {{ answer() }}"
    assert app.templates.render_string(text, {}) == "A True 42"


def test_a_processor_that_cannot_be_one_is_refused_with_its_blueprint(make_app: MakeApp) -> None:
    app, notes = make_app(), off("notes")

    @notes.context_processor
    async def waits() -> dict[str, object]:
        return {}

    notes.get("/x")(lambda: "x")
    with pytest.raises(ConfigurationError, match=r"waits is async"):
        app.register_blueprint(notes)
    assert not [route for route in app.routes if route.path == "/notes/x"]


def test_after_the_registration_nothing_is_taken_any_more(make_app: MakeApp) -> None:
    app, notes = make_app(), Blueprint("notes", "/notes")
    app.register_blueprint(notes)
    with pytest.raises(ConfigurationError, match="is registered already, so this context_proc"):
        notes.context_processor(dict)


# --- Static files ---------------------------------------------------------------------------


def test_static_files_of_a_blueprint(make_app: MakeApp, folders: Path, connect: Connect) -> None:
    app = make_app()
    seen: list[str] = []
    notes = Blueprint(
        "notes",
        "/notes",
        static_folder=folders / "notes/static",
        template_folder=folders / "notes/templates",
    )
    notes.before_request(lambda request: seen.append(request.path))
    notes.get("/")(lambda: render_template("notes/own.html"))
    app.register_blueprint(notes)
    client = connect(app)
    assert client.get("/notes/").text == "own /notes/static/x.css"
    assert client.get("/notes/static/x.css").text == "a {}"
    assert client.get("/notes/static/../notes.py").status_code == 404
    assert client.get("/static/x.css").status_code == 404
    assert seen[:2] == ["/notes/", "/notes/static/x.css"]
    assert app.url_for("notes.static", filename="x.css") == "/notes/static/x.css"
    url = app.static_url("x.css", blueprint="notes")
    assert url.startswith("/notes/static/x.")
    assert "immutable" in client.get(url).headers["cache-control"]
    with pytest.raises(BuildError, match="no blueprint 'other' serves a folder"):
        app.static_url("x.css", blueprint="other")


def test_where_static_files_of_a_blueprint_are(
    make_app: MakeApp, folders: Path, connect: Connect
) -> None:
    app = make_app(settings={"ALLOWED_HOSTS": {"files.localhost", "localhost"}})
    folder = folders / "notes/static"
    inner = Blueprint("inner", "/<tenant>", static_folder=folder, static_url_path="/files/of")
    outer = Blueprint("outer", "/outer", host="files.localhost")
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    app.register_blueprint(Blueprint("root", static_folder=folder, static_url_path="/assets"))
    client = connect(app)
    headers = {"host": "files.localhost"}
    assert client.get("/outer/me/files/of/x.css", headers=headers).status_code == 200
    assert client.get("/outer/me/files/of/x.css").status_code == 404
    assert client.get("/assets/x.css").status_code == 200


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"static_folder": 5}, "is the path of a directory, not 5"),
        (
            {"static_folder": "x", "static_url_path": "y"},
            "static_url_path of the blueprint 'notes'",
        ),
        ({"static_url_path": "/y"}, "has a static_url_path and no static_folder"),
    ],
)
def test_impossible_static_files_are_refused(
    make_app: MakeApp, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make_app().register_blueprint(off("notes", **options))


def test_one_url_path_has_one_folder(make_app: MakeApp, folders: Path) -> None:
    app = make_app(static_folder=folders / "app")
    with pytest.raises(RouteError, match=r"/static/<path:filename>"):
        app.register_blueprint(Blueprint("notes", static_folder=folders / "notes/static"))


# --- Without the plugin ---------------------------------------------------------------------


def test_without_the_distribution_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_bundle, "is_installed", lambda distribution: False)
    with pytest.raises(RouteError, match="pip install flasgo-static"):
        Blueprint("notes", static_folder="static")
    with pytest.raises(AttributeError, match="pip install flasgo-templates"):
        _ = Blueprint("notes").context_processor
    assert not hasattr(Blueprint("notes"), "app_template_filter")


def test_with_the_plugin_switched_off_it_has_no_effect(
    make_app: MakeApp, folders: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(disable_plugins={"static"})
    blueprint = Blueprint("notes", static_folder=folders / "notes/static")
    with caplog.at_level(logging.WARNING, "flasgo.app"):
        app.register_blueprint(blueprint)
    assert "static_folder of the blueprint 'notes' has no effect" in caplog.text
    assert "'static', which is switched off" in caplog.text


def test_an_app_that_never_had_the_plugin_refuses_the_blueprint(make_app: MakeApp) -> None:
    blueprint = Blueprint("notes")
    blueprint.context_processor(dict)
    with pytest.raises(ConfigurationError, match="takes context_processor of the blueprint 'no"):
        make_app(discover=False).register_blueprint(blueprint)


# --- Other plugins --------------------------------------------------------------------------


class Tenants:
    """A plugin with a keyword and a decorator of blueprints."""

    name = "tenants"

    def __init__(self) -> None:
        self.told: list[object] = []

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        registry.blueprint_option("tenant", self.take_tenant)
        registry.blueprint_method("on_switch", self.take_switch)

    def take_tenant(self, placed: PlacedBlueprint, tenant: str) -> Callable[[], None]:
        placed.add_route("/tenant", lambda: tenant, endpoint="tenant")
        return lambda: self.told.append((placed.name, placed.prefix, tenant))

    def take_switch(
        self, placed: PlacedBlueprint, function: Callable[..., object], *args: object, **kw: object
    ) -> None:
        self.told.append((placed.name, function(), args, kw))


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a distribution declared the names of `Tenants` in its metadata."""
    groups = {
        declared_names.BLUEPRINT_OPTIONS_GROUP: frozenset({"tenant"}),
        declared_names.BLUEPRINT_METHODS_GROUP: frozenset({"on_switch"}),
    }
    monkeypatch.setattr("flasgo.plugins.blueprint_parts.declared_in", groups.__getitem__)


@pytest.mark.usefixtures("declared")
def test_any_plugin_can_bring_keywords_and_decorators(make_app: MakeApp, connect: Connect) -> None:
    plugin = Tenants()
    app = make_app(plugins=[plugin])
    shop, cart = off("shop"), off("cart", tenant="acme")
    assert shop.on_switch(dict) is dict
    assert shop.on_switch("a", b=2)(list) is list
    shop.register_blueprint(cart)
    app.register_blueprint(shop)
    assert plugin.told == [
        ("shop", {}, (), {}),
        ("shop", [], ("a",), {"b": 2}),
        ("shop.cart", "/shop/cart", "acme"),
    ]
    assert connect(app).get("/shop/cart/tenant").text == "acme"
    assert app.url_for("shop.cart.tenant") == "/shop/cart/tenant"
    assert "blueprint option tenant" in app.plugins["tenants"].brings
    assert "on_switch" in dir(shop)


@pytest.mark.usefixtures("declared")
def test_a_refused_blueprint_leaves_no_trace(make_app: MakeApp) -> None:
    plugin = Tenants()
    app = make_app(plugins=[plugin])
    app.get("/cart/tenant")(lambda: "taken")
    before = app.routes
    with pytest.raises(RouteError):
        app.register_blueprint(off("cart", tenant="acme"))
    assert (plugin.told, app.routes) == ([], before)


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda r: r.blueprint_option("prefix", print), "prefix exists already in flasgo-core"),
        (lambda r: r.blueprint_option("tags", print), "tags exists already in flasgo-core"),
        (lambda r: r.blueprint_method("get", print), "get exists already in flasgo-core"),
        (lambda r: r.blueprint_method("host", print), "host exists already in flasgo-core"),
        (lambda r: r.blueprint_method("Loud", print), "not a lower-case identifier"),
        (lambda r: r.blueprint_method("loud", 5), "was given 5"),
        (lambda r: r.blueprint_option("template_folder", print), "both bring the blueprint opt"),
    ],
)
def test_impossible_declarations_are_refused(
    make_app: MakeApp, declare: Callable[[Registry], object], message: str
) -> None:
    class Wrong:
        name = "wrong"

        @hookimpl(trylast=True)
        def plugin_setup(self, registry: Registry) -> None:
            declare(registry)

    with pytest.raises(PluginError, match=message):
        make_app(plugins=[Wrong()])
