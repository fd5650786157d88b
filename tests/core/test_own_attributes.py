"""Attributes of apps and blueprints: what may be assigned, and what `dir` lists (ERG-12)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flasgo import Blueprint, Flasgo, Registry, Request, hookimpl

MakeApp = Callable[..., Flasgo]


class Greeting:
    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        registry.app_method("greet", lambda: "hello")
        registry.app_property("greetings", lambda: 1)
        registry.request_attribute("greeted", lambda request: True)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("secret_key", r"It is a setting: Flasgo\(settings=\{'SECRET_KEY': \.\.\.\}\)"),
        ("max_request_body_bytes", "It is a setting"),
        ("rotues", "Did you mean 'routes'"),
        ("something", r"Keep values of your own in app\.state\."),
    ],
)
def test_an_app_takes_no_attribute_that_nothing_reads(
    make_app: MakeApp, name: str, advice: str
) -> None:
    app = make_app()
    with pytest.raises(AttributeError, match=f"Flasgo has no attribute '{name}'.*{advice}"):
        setattr(app, name, "x")
    assert name not in vars(app)


def test_a_blueprint_takes_none_either() -> None:
    notes = Blueprint("notes")
    for name in ("url_prefix", "before", "own"):
        with pytest.raises(AttributeError, match=f"Blueprint has no attribute '{name}' to assign"):
            setattr(notes, name, "/x")
    with pytest.raises(AttributeError, match=r"It is called blueprint\.prefix"):
        notes.url_prefix = "/x"  # ty: ignore[missing-attribute]


def test_documented_attributes_may_be_assigned(make_app: MakeApp) -> None:
    app = make_app(Greeting())
    app.name = "shop"
    app.greet = lambda: "moved"  # ty: ignore[missing-attribute]
    assert (app.name, app.greet()) == ("shop", "moved")  # ty: ignore[missing-attribute]
    app.state.own = 1
    notes = Blueprint("notes")
    notes.prefix = "/n"
    assert notes.prefix == "/n"


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("debug", r"Flasgo\.debug is read-only\. It is a setting: Flasgo\(settings=\{'DEBUG'"),
        ("settings", r"read-only\. Give settings to Flasgo\(settings="),
        ("routes", "read-only"),
        ("plugins", "read-only"),
    ],
)
def test_what_the_framework_keeps_is_read_only(make_app: MakeApp, name: str, advice: str) -> None:
    app = make_app()
    with pytest.raises(AttributeError, match=advice):
        setattr(app, name, {})
    with pytest.raises(TypeError, match=r"Settings are read-only, so DEBUG cannot be changed"):
        app.settings["DEBUG"] = True  # ty: ignore


def test_subclasses_have_attributes_of_their_own() -> None:
    class Shop(Flasgo):
        def __init__(self) -> None:
            super().__init__(discover=False, settings={"SECRET_KEY": "0123456789abcdef" * 2})
            self.stock = {}

    class Admin(Blueprint):
        pass

    shop, admin = Shop(), Admin("admin")
    admin.owner = "ann"  # ty: ignore[missing-attribute]
    assert (shop.stock, admin.owner) == ({}, "ann")  # ty: ignore[missing-attribute]
    with pytest.raises(AttributeError, match="It is a setting"):
        shop.secret_key = "x"  # ty: ignore[missing-attribute]


def test_dir_lists_what_plugins_bring(make_app: MakeApp) -> None:
    app = make_app(Greeting())
    assert {"greet", "greetings", "routes", "get"} <= set(dir(app))
    request = Request(app, {"type": "http", "headers": []}, None, {})  # ty: ignore
    assert {"greeted", "path", "headers"} <= set(dir(request))


def test_reading_a_setting_under_its_old_name_says_where_it_is(make_app: MakeApp) -> None:
    with pytest.raises(AttributeError, match=r"app\.settings\.SECRET_KEY"):
        _ = make_app().secret_key  # ty: ignore[missing-attribute]
