"""A plugin that is switched off is not imported, made or asked (PLUG-13)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flasgo import Flasgo, OptionError, SettingError, hookimpl

Install = Callable[..., None]

EVIL = """
    raise SystemExit("imported")
"""
DECLARES = """
[flasgo.settings]
EVIL_LEVEL = evil
SHARED_SECRET = evil
MANY_ = evil
[flasgo.options]
evil_mode = evil
"""


def app_without(*, settings: dict[str, Any] | None = None, **options: Any) -> Flasgo:
    """Return an app that leaves the plugin `evil` out."""
    return Flasgo(
        settings={"SECRET_KEY": "for-tests-only-0123456789-abcdefghij", **(settings or {})},
        disable_plugins={"evil"},
        **options,
    )


@pytest.mark.parametrize("declares", ["", DECLARES])
def test_it_is_not_touched_whatever_else_is_configured(install: Install, declares: str) -> None:
    install("evil-flasgo", "evil", "evil_plugin:Plugin", EVIL, declares)
    assert app_without().plugins["evil"].status == "disabled"
    app_without(settings={"EVIL_LEVEL": 1}, evil_mode=True)
    with pytest.raises(SettingError, match="Did you mean 'DEBUG'"):
        app_without(settings={"DEBUGG": True})
    with pytest.raises(OptionError, match="static_folder"):
        app_without(static_foldr="x")
    with pytest.raises(AttributeError, match="not active here are evil"):
        _ = app_without().evil_method  # ty: ignore[missing-attribute]


def test_an_allow_list_leaves_others_untouched(install: Install) -> None:
    install("evil-flasgo", "evil", "evil_plugin:Plugin", EVIL)
    settings = {"SECRET_KEY": "for-tests-only-0123456789-abcdefghij", "PLUGINS": {"security"}}
    app = Flasgo(settings={**settings, "EVIL_LEVEL": 1})
    assert app.plugins["evil"].reason == "not in PLUGINS"


def test_what_its_distribution_declares_has_no_effect(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    install("evil-flasgo", "evil", "evil_plugin:Plugin", EVIL, DECLARES)
    app = app_without(
        settings={"EVIL_LEVEL": 1, "SHARED_SECRET": "x", "MANY_THINGS": 2}, evil_mode=True
    )
    for name in ("EVIL_LEVEL", "SHARED_SECRET", "MANY_THINGS", "evil_mode"):
        text = f"{name} has no effect: it belongs to plugin 'evil', which is switched off."
        assert text in caplog.text
        assert name not in app.settings
        assert name not in app.options


def test_what_its_distribution_does_not_declare_is_unknown(install: Install) -> None:
    install("evil-flasgo", "evil", "evil_plugin:Plugin", EVIL, DECLARES)
    with pytest.raises(SettingError, match="Unknown setting EVIL_LEVLE"):
        app_without(settings={"EVIL_LEVLE": 1})
    with pytest.raises(OptionError, match="unknown keyword 'evil_moode'"):
        app_without(evil_moode=1)


def test_without_a_declaration_its_names_begin_with_its_own(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    install("evil-flasgo", "evil", "evil_plugin:Plugin", EVIL)
    app_without(settings={"EVIL_ANYTHING": 1})
    assert "EVIL_ANYTHING has no effect: it belongs to plugin 'evil'" in caplog.text
    caplog.clear()
    app_without(settings={"XYZZY": 1})
    assert "XYZZY has no effect: no active plugin declares it." in caplog.text
    assert "do not say which settings are theirs: evil." in caplog.text


def test_an_app_that_does_not_look_for_plugins_names_the_owner(install: Install) -> None:
    install("evil-flasgo", "evil", "evil_plugin:Plugin", EVIL, DECLARES)
    with pytest.raises(SettingError, match=r"belongs to evil-flasgo, which is installed but swi"):
        Flasgo(discover=False, settings={"EVIL_LEVEL": 1})


class Handed:
    """A plugin class that must not be called."""

    def __init__(self) -> None:
        raise SystemExit("made")

    @hookimpl
    def plugin_setup(self) -> None:
        raise SystemExit("asked")


class Named(Handed):
    name = "evil"


@pytest.mark.parametrize(("given", "name"), [(Handed, "handed"), (Named, "evil")])
def test_a_class_that_is_handed_over_is_not_called(given: type, name: str) -> None:
    app = Flasgo(plugins=[given], disable_plugins={name}, discover=False)
    assert app.plugins[name].status == "disabled"


def test_an_instance_that_is_handed_over_is_not_asked() -> None:
    given = object.__new__(Named)
    app = Flasgo(
        plugins=[given], disable_plugins={"evil"}, discover=False, settings={"EVIL_LEVEL": 1}
    )
    assert app.plugins["evil"].status == "disabled"
    assert app.plugins.manager.get_plugins() == {
        app.plugins.manager.get_plugin(info.name) for info in app.plugins if info.builtin
    }
