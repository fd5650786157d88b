"""ERG-10: settings of an app's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from flasgo import ConfigurationError, Flasgo, OwnSettings, PluginError, SettingError, current_app

from tests.conftest import Connect

MakeApp = Callable[..., Flasgo]


@dataclasses.dataclass
class Shop:
    """Settings of a shop."""

    SHOP_NAME: str
    PAGE_SIZE: Annotated[int, msgspec.Meta(ge=1, description="Items on a page.")] = 20
    CURRENCIES: list[str] = dataclasses.field(default_factory=lambda: ["EUR"])
    PAYMENT_KEY: str | None = dataclasses.field(
        default=None, metadata={"secret": True, "help": "The key of the payment service."}
    )


class ShopStruct(msgspec.Struct):
    """The same as a Struct."""

    SHOP_NAME: str
    PAGE_SIZE: Annotated[int, msgspec.Meta(ge=1, description="Items on a page.")] = 20
    CURRENCIES: list[str] = msgspec.field(default_factory=lambda: ["EUR"])
    PAYMENT_KEY: Annotated[
        str | None,
        msgspec.Meta(extra={"secret": True}, description="The key of the payment service."),
    ] = None


KINDS = pytest.mark.parametrize("kind", [Shop, ShopStruct])


@KINDS
def test_own_settings_come_from_every_source(
    make_app: MakeApp, kind: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("FLASGO_PAYMENT_KEY=very-secret\nFLASGO_PAGE_SIZE=7\n")
    monkeypatch.setenv("FLASGO_PAGE_SIZE", "50")
    app = make_app(settings={"SHOP_NAME": "Own"}, own_settings=kind)
    settings: Any = app.settings
    assert (settings.SHOP_NAME, settings.PAGE_SIZE) == ("Own", 50)
    assert (settings.CURRENCIES, settings.PAYMENT_KEY) == (["EUR"], "very-secret")
    assert app.config["PAGE_SIZE"] == 50
    assert app.settings.source("PAGE_SIZE") == "environment FLASGO_PAGE_SIZE"
    rows = {row.name: row for row in app.settings.describe()}
    assert rows["PAYMENT_KEY"].value == "********"
    assert "very-secret" not in repr(app.settings)
    assert rows["PAYMENT_KEY"].help == "The key of the payment service."
    assert (rows["PAGE_SIZE"].owner, rows["PAGE_SIZE"].help) == ("app", "Items on a page.")
    own: Any = app.settings.own(kind)
    assert own.PAGE_SIZE == 50


@KINDS
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "SHOP_NAME .* has no value"),
        ({"SHOP_NAME": 7}, "SHOP_NAME"),
        ({"SHOP_NAME": "x", "PAGE_SIZE": 0}, "PAGE_SIZE"),
        ({"SHOP_NAME": "x", "PAGE_SIZ": 1}, "Did you mean 'PAGE_SIZE'"),
        ({"SHOP_NAME": "x", "PAYMENT_KEY": 77_77}, "not shown"),
    ],
)
def test_what_does_not_fit_is_refused(
    make_app: MakeApp, kind: type, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        make_app(settings=settings, own_settings=kind)


def test_what_is_not_such_a_class_is_refused(make_app: MakeApp) -> None:
    @dataclasses.dataclass
    class Lower:
        shop_name: str = "x"

    @dataclasses.dataclass
    class Clash:
        DEBUG: bool = False

    with pytest.raises(ConfigurationError, match="'SHOP_NAME'"):
        make_app(own_settings=Lower)
    with pytest.raises(PluginError, match="DEBUG is declared by both"):
        make_app(own_settings=Clash)
    for kind in (dict, Shop("x"), "Shop"):
        with pytest.raises(ConfigurationError, match="is not a dataclass, Struct or mapping"):
            make_app(own_settings=kind)
    with pytest.raises(ConfigurationError, match="own_settings=Shop"):
        make_app().settings.own(Shop)


def test_own_settings_in_a_request(make_app: MakeApp, connect: Connect) -> None:
    app = make_app(settings={"SHOP_NAME": "Own"}, own_settings=Shop)

    @app.get("/")
    def home() -> str:
        return str(current_app.config["SHOP_NAME"]) + current_app.settings.own(Shop).SHOP_NAME

    assert connect(app).get("/").text == "OwnOwn"


def test_an_app_is_typed_by_the_class_of_its_settings(make_app: MakeApp, connect: Connect) -> None:
    """For type checkers alone; tests/typing has them look."""

    @dataclasses.dataclass
    class Typed(OwnSettings):
        SHOP_NAME: str = "typed"
        TOKEN: str = dataclasses.field(default="t", metadata={"secret": True})

    class TypedStruct(OwnSettings, msgspec.Struct):
        SHOP_NAME: str = "typed"

    for kind in (Typed, TypedStruct):
        app = make_app(own_settings=kind)
        assert app.settings["SHOP_NAME"] == "typed"
    assert Flasgo[Typed] is Flasgo
    assert make_app(own_settings=Typed).settings.spec("TOKEN").secret
    app = Flasgo[Typed](own_settings=Typed, settings={"SECRET_KEY": "k" * 32})

    @app.get("/")
    def name(app: Flasgo[Typed]) -> str:
        return app.settings.SHOP_NAME

    assert connect(app).get("/").text == "typed"


def test_names_and_defaults_are_enough(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    defaults: dict[str, Any] = {"PAGE_SIZE": 20, "NOTE": None, "CURRENCIES": ["EUR"]}
    monkeypatch.setenv("FLASGO_PAGE_SIZE", "30")
    monkeypatch.setenv("FLASGO_NOTE", "text")
    app = make_app(own_settings=defaults)
    assert (app.config["PAGE_SIZE"], app.config["NOTE"]) == (30, "text")
    assert app.settings.source("PAGE_SIZE") == "environment FLASGO_PAGE_SIZE"
    assert app.config["CURRENCIES"] == ["EUR"]
    assert app.config["CURRENCIES"] is not defaults["CURRENCIES"]
    monkeypatch.delenv("FLASGO_PAGE_SIZE")
    with pytest.raises(SettingError, match="PAGE_SIZE"):
        make_app(own_settings=defaults, settings={"PAGE_SIZE": "many"})
    with pytest.raises(ConfigurationError, match="write 'PAGE_SIZE'"):
        make_app(own_settings={"page_size": 20})
    with pytest.raises((ConfigurationError, SettingError, PluginError), match="DEBUG"):
        make_app(own_settings={"DEBUG": True})
