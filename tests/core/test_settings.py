"""CORE-15: settings from four sources, typed, checked, attributable, masked."""

from __future__ import annotations

import builtins
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal, NewType

import msgspec
import pytest
from flasgo.errors import ConfigurationError, PluginError, SettingError
from flasgo.settings.settings import (
    CORE_SETTINGS,
    MISSING,
    Settings,
    SettingSpec,
    SettingSpecs,
    load_settings,
    read_sources,
    read_value,
    weak_secret_key,
)
from flasgo.settings.types import convert_text, convert_value, type_text

GOOD_KEY = "0f3b1c9a7d5e42608b1f6c2d9e7a4b53"
NOWHERE = Path("does-not-exist.env")


class Greeter:
    def __init__(self, word: str = "hello") -> None:
        self.word = word


def core_specs(*more: SettingSpec) -> SettingSpecs:
    return SettingSpecs((*CORE_SETTINGS, *more))


def load(
    settings: Mapping[str, object] | str | None = None,
    *more: SettingSpec,
    environ: Mapping[str, str] | None = None,
    dotenv: Path = NOWHERE,
    owner_of_unknown: Callable[[str], str | None] | None = None,
) -> Settings:
    """Core's settings plus `more`, with a good SECRET_KEY unless the test brings its own."""
    found = {"FLASGO_SECRET_KEY": GOOD_KEY} if environ is None else environ
    return load_settings(
        core_specs(*more),
        settings,
        environ=found,
        dotenv_path=dotenv,
        owner_of_unknown=owner_of_unknown,
    )


# --- declarations -----------------------------------------------------------------------------


def test_two_owners_of_one_name_are_both_named() -> None:
    specs = SettingSpecs([SettingSpec("COLOUR", str, default="red", owner="paint")])
    with pytest.raises(PluginError) as caught:
        specs.add(SettingSpec("COLOUR", str, default="blue", owner="dye"))
    assert caught.value.plugin == "dye"
    assert "'paint'" in str(caught.value)
    assert "'dye'" in str(caught.value)


@pytest.mark.parametrize("name", ["colour", "Colour", "MY-COLOUR", "_COLOUR", "1COLOUR", "", "A\n"])
def test_a_name_that_is_not_uppercase_is_refused(name: str) -> None:
    with pytest.raises(PluginError, match="UPPERCASE"):
        SettingSpecs([SettingSpec(name, str, default="")])


def test_two_defaults_are_refused() -> None:
    spec = SettingSpec("COLOUR", str, default="a", default_factory=lambda: "b")
    with pytest.raises(PluginError, match="default_factory"):
        SettingSpecs([spec])


def test_specs_are_an_ordered_collection() -> None:
    specs = core_specs()
    assert [spec.name for spec in specs] == list(specs.names)
    assert [*specs.names] == [spec.name for spec in CORE_SETTINGS]
    assert len(specs) == len(CORE_SETTINGS)
    assert "DEBUG" in specs
    assert specs.get("NOPE") is None


@pytest.mark.parametrize("spec", CORE_SETTINGS, ids=lambda spec: spec.name)
def test_every_core_setting_is_documented(spec: SettingSpec) -> None:
    assert len(spec.help) > 20
    assert spec.owner == "core"


# --- the mapping ------------------------------------------------------------------------------


def test_values_are_attributes_and_items() -> None:
    settings = load({"DEBUG": True})
    assert settings["DEBUG"] is True
    assert settings.DEBUG is True
    assert settings.get("NOPE", 5) == 5
    assert "DEBUG" in settings
    assert set(settings) == set(core_specs().names)
    assert dict(settings)["MAX_REQUEST_BODY_BYTES"] == 10 * 1024 * 1024
    assert len(settings) == len(CORE_SETTINGS)


def test_values_are_plain_instance_attributes() -> None:
    # Readers on the request path pay for one dict look-up and no Python call.
    assert vars(load())["DEBUG"] is False


def test_settings_are_read_only() -> None:
    settings = load()
    with pytest.raises(AttributeError, match=r"read-only.*FLASGO_DEBUG"):
        settings.DEBUG = True
    with pytest.raises(AttributeError, match="read-only"):
        del settings.DEBUG
    with pytest.raises(TypeError):
        settings["DEBUG"] = True  # ty: ignore[invalid-assignment]
    assert settings.DEBUG is False


def test_an_unknown_name_gets_a_suggestion() -> None:
    settings = load()
    with pytest.raises(AttributeError, match="Did you mean 'SECRET_KEY'") as caught:
        _ = settings.SECRT_KEY  # ty: ignore[missing-attribute]
    assert caught.value.name == "SECRT_KEY"
    with pytest.raises(KeyError, match="Did you mean 'SECRET_KEY'"):
        _ = settings["SECRT_KEY"]
    with pytest.raises(KeyError, match="Did you mean 'DEBUG'"):
        settings.source("DEBG")
    with pytest.raises(KeyError, match="Did you mean 'DEBUG'"):
        settings.spec("DEBG")
    assert not hasattr(settings, "__wrapped__")


def test_an_unknown_attribute_names_its_distribution() -> None:
    settings = load(owner_of_unknown=lambda name: "flasgo-nonesuch" if "HOSTS" in name else None)
    with pytest.raises(AttributeError, match="pip install flasgo-nonesuch"):
        _ = settings.ALLOWED_HOSTS


def test_secrets_are_masked_wherever_settings_are_shown() -> None:
    settings = load({"SECRET_KEY": GOOD_KEY, "SECRET_KEY_FALLBACKS": [GOOD_KEY[::-1]]})
    rows = {row.name: row for row in settings.describe()}
    assert rows["SECRET_KEY"].secret
    shown = repr(settings) + repr(rows) + repr(read_sources({"SECRET_KEY": GOOD_KEY}))
    assert GOOD_KEY not in shown
    assert GOOD_KEY[::-1] not in shown
    assert settings["SECRET_KEY"] == GOOD_KEY


def test_describe_says_everything_about_a_setting() -> None:
    (row,) = [row for row in load({"SYNC_WORKERS": 3}).describe() if row.name == "SYNC_WORKERS"]
    assert (row.value, row.source, row.owner, row.type) == (3, "settings argument", "core", "int")
    assert row.default == "(computed)"
    assert row.help


# --- priority and sources ---------------------------------------------------------------------


def test_the_argument_beats_the_environment_beats_dotenv_beats_the_default(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("FLASGO_SYNC_WORKERS=2\nFLASGO_MAX_FORM_FIELDS=2\nFLASGO_MAX_FORM_FILES=2\n")
    environ = {
        "FLASGO_SYNC_WORKERS": "3",
        "FLASGO_MAX_FORM_FIELDS": "3",
        "FLASGO_SECRET_KEY": GOOD_KEY,
    }
    settings = load({"SYNC_WORKERS": 4}, environ=environ, dotenv=dotenv)
    found = {
        name: (settings[name], settings.source(name))
        for name in ("SYNC_WORKERS", "MAX_FORM_FIELDS", "MAX_FORM_FILES", "DEBUG")
    }
    assert found == {
        "SYNC_WORKERS": (4, "settings argument"),
        "MAX_FORM_FIELDS": (3, "environment FLASGO_MAX_FORM_FIELDS"),
        "MAX_FORM_FILES": (2, ".env (FLASGO_MAX_FORM_FILES)"),
        "DEBUG": (False, "default"),
    }


def test_the_process_environment_is_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASGO_SECRET_KEY", GOOD_KEY)
    monkeypatch.setenv("FLASGO_DEBUG", "yes")
    assert load_settings(core_specs(), dotenv_path=NOWHERE).DEBUG is True


def test_dotenv_is_taken_literally_and_not_exported(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text(
        "# ours\nexport FLASGO_SECRET_KEY='${HOME}-not-expanded-0123456789abcdef'\n"
        "OTHER=1\nFLASGO_SERVER_NAME=\n",
        encoding="utf-8-sig",
    )
    settings = load(environ={}, dotenv=dotenv)
    assert settings["SECRET_KEY"] == "${HOME}-not-expanded-0123456789abcdef"
    assert settings.SERVER_NAME is None
    assert "FLASGO_SECRET_KEY" not in os.environ


def test_dotenv_of_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text(f"FLASGO_SECRET_KEY={GOOD_KEY}\nFLASGO_DEBUG=on\n")
    monkeypatch.chdir(tmp_path)
    settings = load_settings(core_specs(), environ={})
    assert settings.DEBUG is True
    assert settings.source("DEBUG") == ".env (FLASGO_DEBUG)"


@pytest.mark.parametrize(
    "content",
    [b"\x89PNG\xff\xfe\x00", b"FLASGO_DEBUG=1\x00", "FLASGO_DEBUG=1".encode("utf-16")],
    ids=["binary", "nul", "utf-16"],
)
def test_a_dotenv_that_is_not_text_is_refused(tmp_path: Path, content: bytes) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_bytes(content)
    with pytest.raises(SettingError, match="not UTF-8 text") as caught:
        load(dotenv=dotenv)
    assert str(dotenv) in str(caught.value)


def test_an_unreadable_dotenv_is_refused() -> None:
    # A file that root cannot read either: its first page is never mapped.
    unreadable = Path("/proc/self/mem")
    if not unreadable.exists():
        pytest.skip("needs /proc")
    with pytest.raises(SettingError, match="Cannot read /proc/self/mem"):
        load(dotenv=unreadable)


def test_a_dotenv_variable_without_value_is_refused(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("FLASGO_DEBUG\n")
    with pytest.raises(SettingError, match="FLASGO_DEBUG=value") as caught:
        load(dotenv=dotenv)
    assert caught.value.name == "DEBUG"


def test_a_folder_called_dotenv_is_ignored(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert load(dotenv=tmp_path / ".env").DEBUG is False


def test_without_python_dotenv_the_file_and_the_remedy_are_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real_import = builtins.__import__

    def refuse_dotenv(name: str, *args: object, **kwargs: object) -> object:
        if name == "dotenv":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)  # ty: ignore[invalid-argument-type]

    dotenv = tmp_path / ".env"
    dotenv.write_text("FLASGO_DEBUG=1")
    monkeypatch.setattr(builtins, "__import__", refuse_dotenv)
    with caplog.at_level(logging.WARNING, "flasgo.settings"):
        assert load(dotenv=dotenv).DEBUG is False
        dotenv.write_text("OTHER=1")
        load(dotenv=dotenv)
    (record,) = caplog.records
    assert str(dotenv) in record.getMessage()
    assert "pip install 'flasgo-core[cli]'" in record.getMessage()


def test_two_passes_read_and_warn_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("FLASGO_PLUGINS=auth, static\n")
    with caplog.at_level(logging.WARNING, "flasgo.settings"):
        sources = read_sources(
            {"SECRET_KEY": "dev"}, environ={"FLASGO_DEBGU": "1"}, dotenv_path=dotenv
        )
        assert read_value("PLUGINS", sources) == {"auth", "static"}
        assert read_value("DISABLED_PLUGINS", sources) == set()
        assert caplog.records == []
        settings = load_settings(core_specs(), sources)
    assert settings["PLUGINS"] == {"auth", "static"}
    assert len(caplog.records) == 2


def test_read_value_of_a_wrong_switch_and_of_a_spec() -> None:
    sources = read_sources({"PLUGINS": "auth"}, environ={}, dotenv_path=NOWHERE)
    with pytest.raises(SettingError, match="brackets"):
        read_value("PLUGINS", sources)
    assert read_value(SettingSpec("COLOUR", str, default="red"), sources) == "red"
    with pytest.raises(KeyError):
        read_value("COLOUR", sources)


@pytest.mark.parametrize("variable", ["FLASGO_DISABLE_PLUGINS", "FLASGO_DISABLED_PLUGINS"])
def test_disabled_plugins_add_up(variable: str) -> None:
    environ = {"FLASGO_SECRET_KEY": GOOD_KEY, variable: "auth"}
    settings = load({"DISABLED_PLUGINS": {"static"}}, environ=environ)
    assert settings["DISABLED_PLUGINS"] == {"auth", "static"}
    assert settings.source("DISABLED_PLUGINS") == f"settings argument + environment {variable}"
    alone = load(environ=environ)
    assert alone["DISABLED_PLUGINS"] == {"auth"}
    assert alone.source("DISABLED_PLUGINS") == f"environment {variable}"


# --- the settings argument --------------------------------------------------------------------


def test_an_unknown_setting_gets_a_suggestion() -> None:
    with pytest.raises(SettingError, match="Did you mean 'SECRET_KEY'") as caught:
        load({"SECRT_KEY": GOOD_KEY})
    assert caught.value.name == "SECRT_KEY"
    assert "flasgo settings" in str(caught.value)


def test_an_unknown_setting_names_the_distribution_to_install() -> None:
    with pytest.raises(SettingError) as caught:
        load({"CSRF_ENABLED": True}, owner_of_unknown=lambda name: "flasgo-nonesuch")
    assert "belongs to flasgo-nonesuch, which is not installed." in str(caught.value)
    assert "`pip install flasgo-nonesuch`" in str(caught.value)


def test_a_setting_of_a_plugin_that_is_switched_off_says_so() -> None:
    with pytest.raises(SettingError, match="flasgo-core, which is installed but switched off"):
        load({"CSRF_ENABLED": True}, owner_of_unknown=lambda name: "flasgo-core")


@pytest.mark.parametrize(
    ("name", "advice"), [("debug", "Write 'DEBUG'"), ("secretKey", "Write 'SECRET_KEY'"), (5, "5")]
)
def test_names_in_a_dict_are_uppercase(name: str, advice: str) -> None:
    with pytest.raises(SettingError, match=advice):
        load({name: True})


def test_another_kind_of_argument_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="dict or a module path"):
        load(5)  # ty: ignore[invalid-argument-type]


@pytest.fixture
def module_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_module_brings_its_uppercase_names(module_dir: Path) -> None:
    (module_dir / "site_conf_a.py").write_text(
        f"from pathlib import Path as P\nimport os as OS\ndebug = 5\n_Own = 1\nDEBUG = True\n"
        f"SECRET_KEY = {GOOD_KEY!r}\nclass URL: ...\n"
    )
    settings = load("site_conf_a", environ={})
    assert settings.DEBUG is True
    assert settings.source("DEBUG") == "site_conf_a module"


def test_an_unknown_name_in_a_module_is_refused(module_dir: Path) -> None:
    (module_dir / "site_conf_b.py").write_text("BASE_DIR = '/srv'\n")
    with pytest.raises(SettingError, match="call it _BASE_DIR") as caught:
        load("site_conf_b")
    assert "site_conf_b module" in str(caught.value)


@pytest.mark.parametrize("path", ["no_such_module_x", "no_such_pkg_x.settings", "os.settings"])
def test_a_missing_module_is_a_configuration_error(path: str) -> None:
    with pytest.raises(ConfigurationError, match="there is no module"):
        load(path)


@pytest.mark.parametrize("path", ["", ".settings", "conf/settings.py", "a..b"])
def test_what_is_no_module_path_is_refused(path: str) -> None:
    with pytest.raises(ConfigurationError):
        load(path)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("import no_such_dependency_x", ModuleNotFoundError),
        ("1 / 0", ZeroDivisionError),
        ("raise ValueError('mine')", ValueError),
    ],
)
def test_errors_inside_a_settings_module_stay_what_they_are(
    module_dir: Path, body: str, error: type[Exception]
) -> None:
    name = f"site_conf_{error.__name__.lower()}"
    (module_dir / f"{name}.py").write_text(body)
    with pytest.raises(error) as caught:
        load(name)
    assert Path(caught.traceback[-1].path).name == f"{name}.py"


# --- types ------------------------------------------------------------------------------------

UserId = NewType("UserId", int)


@pytest.mark.parametrize(
    ("value", "target", "expected"),
    [
        (True, bool, True),
        (3, int, 3),
        (3, float, 3.0),
        (2.5, float, 2.5),
        ("x", str, "x"),
        ("x", str | None, "x"),
        (None, str | None, None),
        (None, None, None),
        ({"a", "b"}, set[str], {"a", "b"}),
        (["a"], set[str], {"a"}),
        (("a",), frozenset[str], frozenset({"a"})),
        (frozenset({"a"}), list[str], ["a"]),
        (["a", "b"], tuple[str, ...], ("a", "b")),
        (["a", 1], tuple[str, int], ("a", 1)),
        ([1, 2], list, [1, 2]),
        (["a"], set[str] | None, {"a"}),
        ("redirect", Literal["strict", "redirect"], "redirect"),
        (True, Literal[True, "auto"], True),
        ({"a": "b"}, dict[str, str], {"a": "b"}),
        ({"a": ["b"]}, dict[str, set[str]], {"a": {"b"}}),
        ({"a": 1}, Mapping[str, object], {"a": 1}),
        ("a/b", Path, Path("a/b")),
        (Path("a"), str | Path, Path("a")),
        (5, Annotated[int, msgspec.Meta(ge=1)], 5),
        (5, UserId, 5),
        (len, Callable[[object], int], len),
        (None, Callable[[object], int] | None, None),
        (Greeter, type[Greeter], Greeter),
        ([len], list[Callable[[object], int]], [len]),
    ],
)
def test_python_values_that_fit(value: object, target: object, expected: object) -> None:
    converted = convert_value(value, target)
    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize(
    ("value", "target"),
    [
        ("1", bool),
        (1, bool),
        (True, int),
        ("3", int),
        (3.0, int),
        ("3", float),
        (True, float),
        (5, str),
        (None, str),
        ("localhost", set[str]),
        ({"a": 1}, list[str]),
        ([1], set[str]),
        (["a"], dict[str, str]),
        ({"a": 1}, dict[str, str]),
        ([[1]], set[list[int]]),
        (["a"], tuple[str, int]),
        ("other", Literal["strict", "redirect"]),
        (1, Literal[True]),
        (0, Annotated[int, msgspec.Meta(ge=1)]),
        (5, Callable[[object], int]),
        ("x", Greeter),
        (5, str | Greeter),
    ],
)
def test_python_values_that_do_not_fit(value: object, target: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        convert_value(value, target)


def test_instances_of_plain_classes_are_kept() -> None:
    greeter = Greeter()
    assert convert_value(greeter, Greeter) is greeter
    assert convert_value(greeter, str | Greeter | None) is greeter


@pytest.mark.parametrize(
    ("text", "target", "expected"),
    [
        *((word, bool, True) for word in ("1", "true", "True", "YES", "on", " on ")),
        *((word, bool, False) for word in ("0", "false", "FALSE", "no", "Off")),
        ("12", int, 12),
        (" 12 ", int, 12),
        ("-1", int, -1),
        ("1.5", float, 1.5),
        ("3", float, 3.0),
        (" kept ", str, " kept "),
        ("", str, ""),
        ("", str | None, None),
        ("x", str | None, "x"),
        ("", int | None, None),
        ("7", int | None, 7),
        ("7", int | str, 7),
        ("x", str | int, "x"),
        ("a, b,,c ", set[str], {"a", "b", "c"}),
        ('["a,b", "c"]', list[str], ["a,b", "c"]),
        ("", set[str], set()),
        ("[]", set[str] | None, set()),
        ("", set[str] | None, None),
        ("1,2", tuple[int, ...], (1, 2)),
        ("[1, 2]", list[int], [1, 2]),
        ("yes,no", list[bool], [True, False]),
        ("a,b", frozenset[str], frozenset({"a", "b"})),
        ('{"a": "b"}', dict[str, str], {"a": "b"}),
        ("", dict[str, str], {}),
        ("strict", Literal["strict", "redirect"], "strict"),
        ("3", Literal[1, 3], 3),
        ("/srv", Path, Path("/srv")),
        ("key", bytes, b"key"),
        ("5", Annotated[int, msgspec.Meta(ge=1)], 5),
    ],
)
def test_text_that_fits(text: str, target: object, expected: object) -> None:
    converted = convert_text(text, target)
    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("maybe", bool),
        ("", bool),
        ("", int),
        ("ten", int),
        ("1.5", int),
        ("x", float),
        ("[1", list[int]),
        ('{"a"}', dict[str, str]),
        ('{"a": 1}', dict[str, str]),
        ("[1]", dict[str, str]),
        ("a", list[int]),
        ('["a"', set[str]),
        ("[" * 100_000, set[str]),
        ("loose", Literal["strict", "redirect"]),
        ("x", Greeter),
        ("len", Callable[[object], int]),
        ("0", Annotated[int, msgspec.Meta(ge=1)]),
    ],
)
def test_text_that_does_not_fit(text: str, target: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        convert_text(text, target)


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (int, "int"),
        (set[str], "set[str]"),
        (str | None, "str | None"),
        (Literal["a", "b"], "'a' | 'b'"),
        (dict[str, list[int]], "dict[str, list[int]]"),
        (Callable[[int], str], "Callable[[int], str]"),
        (Greeter, "Greeter"),
    ],
)
def test_types_read_well(target: object, text: str) -> None:
    assert type_text(target) == text


# --- errors -----------------------------------------------------------------------------------


def test_an_error_names_setting_value_type_source_and_next_step() -> None:
    environ = {"FLASGO_SYNC_WORKERS": "many", "FLASGO_SECRET_KEY": GOOD_KEY}
    with pytest.raises(SettingError) as caught:
        load(environ=environ)
    message = str(caught.value)
    assert caught.value.name == "SYNC_WORKERS"
    for part in ("SYNC_WORKERS", "'many' (str)", "takes int", "environment FLASGO_SYNC_WORKERS"):
        assert part in message
    assert message.endswith("Correct environment FLASGO_SYNC_WORKERS.")


def test_a_lone_string_for_a_set_says_what_to_write() -> None:
    spec = SettingSpec("ALLOWED_HOSTS", set[str], default=set(), owner="security")
    with pytest.raises(SettingError, match="put it in brackets"):
        load({"ALLOWED_HOSTS": "example.com"}, spec)


def test_long_values_are_cut() -> None:
    with pytest.raises(SettingError) as caught:
        load({"SYNC_WORKERS": "x" * 10_000})
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("value", [5, b"hush-hush", ["hush-hush"]])
def test_the_value_of_a_secret_is_never_in_an_error(value: object) -> None:
    with pytest.raises(SettingError) as caught:
        load({"SECRET_KEY": value})
    message = str(caught.value)
    assert "hush" not in message
    assert " 5 " not in message
    assert type(value).__name__ in message
    assert caught.value.__cause__ is None


def test_the_owners_check_has_its_say() -> None:
    spec = SettingSpec(
        "SAMESITE",
        str,
        default="Lax",
        check=lambda value: None if value in {"Lax", "Strict"} else "it must be Lax or Strict.",
        owner="cookies",
    )
    assert load(None, spec).SAMESITE == "Lax"  # ty: ignore[missing-attribute]
    with pytest.raises(SettingError, match="it must be Lax or Strict"):
        load({"SAMESITE": "Sometimes"}, spec)


def test_a_default_that_breaks_its_own_rule_blames_the_owner() -> None:
    spec = SettingSpec("COLOUR", str, default=None, owner="paint")
    with pytest.raises(SettingError, match="mistake in 'paint'"):
        load(None, spec)


def test_a_required_setting_without_value() -> None:
    spec = SettingSpec("API_URL", str, default=MISSING, owner="client", help="Where to call.")
    with pytest.raises(SettingError, match=r"FLASGO_API_URL.*Where to call\.") as caught:
        load(None, spec)
    assert caught.value.name == "API_URL"
    assert load({"API_URL": "x"}, spec).API_URL == "x"  # ty: ignore[missing-attribute]


def test_mutable_defaults_and_arguments_are_not_shared() -> None:
    spec = SettingSpec("NETS", dict[str, set[str]], default={"in": {"10.0.0.0/8"}}, owner="nets")
    given: dict[str, object] = {"DISABLED_PLUGINS": {"static"}}
    first, second = load(given, spec), load(given, spec)
    first.NETS["in"].add("x")  # ty: ignore[missing-attribute]
    first.DISABLED_PLUGINS.add("x")
    first.SECRET_KEY_FALLBACKS.append("x")
    assert second["NETS"] == {"in": {"10.0.0.0/8"}}
    assert second["DISABLED_PLUGINS"] == {"static"}
    assert second["SECRET_KEY_FALLBACKS"] == []
    assert given == {"DISABLED_PLUGINS": {"static"}}


# --- core's own rules -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SYNC_WORKERS", 0),
        ("MAX_REQUEST_BODY_BYTES", 0),
        ("MAX_REQUEST_BODY_BYTES", -1),
        ("MAX_REQUEST_HEAD_BYTES", 0),
        ("REQUEST_READ_TIMEOUT_SECONDS", 0),
        ("REQUEST_READ_TIMEOUT_SECONDS", float("nan")),
        ("REQUEST_READ_TIMEOUT_SECONDS", float("inf")),
        ("TRAILING_SLASH", "maybe"),
        ("SERVER_NAME", "https://example.com"),
        ("SERVER_NAME", ""),
        ("SECRET_KEY_FALLBACKS", [""]),
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "   "),
    ],
)
def test_core_settings_have_bounds(name: str, value: object) -> None:
    with pytest.raises(SettingError) as caught:
        load({name: value})
    assert caught.value.name == name


def test_an_empty_key_in_the_environment_is_refused() -> None:
    with pytest.raises(SettingError, match="openssl rand -hex 32"):
        load(environ={"FLASGO_SECRET_KEY": ""})


def test_an_absent_key_is_random(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "flasgo.settings"):
        first, second = load(environ={}), load(environ={})
    assert first.SECRET_KEY != second.SECRET_KEY
    assert len(first.SECRET_KEY) >= 32
    # What signs with it is what warns: an app that signs nothing needs no key.
    assert caplog.records == []


@pytest.mark.parametrize(
    "key",
    [
        "replace-in-production",
        "change-me",
        "CHANGEME",
        "secret",
        "dev",
        "development",
        "your-secret-key",
        "Your_Secret Key",
        "a" * 64,
        "ab" * 32,
        "short-but-random-9f8e7d",
        "django-insecure-0123456789abcdefghijklmnopqrstuvwxyz",
    ],
)
def test_weak_keys_work_with_a_warning(key: str, caplog: pytest.LogCaptureFixture) -> None:
    assert weak_secret_key(key)
    with caplog.at_level(logging.WARNING, "flasgo.settings"):
        assert load({"SECRET_KEY": key}, environ={})["SECRET_KEY"] == key
        load({"SECRET_KEY_FALLBACKS": [key]})
    assert len(caplog.records) == 2
    assert "openssl rand -hex 32" in caplog.text
    assert f"'{key}'" not in caplog.text


def test_a_good_key_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "flasgo.settings"):
        load({"SECRET_KEY": GOOD_KEY}, environ={})
    assert caplog.records == []
    assert weak_secret_key(GOOD_KEY) is None


def test_unknown_variables_are_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("FLASGO_CSRF_ENABLED=1\n")
    environ = {
        "FLASGO_SECRT_KEY": "x",
        "FLASGO_ADMIN_PASSWORD_HASH": "x",
        "FLASGO_SECRET_KEY": GOOD_KEY,
        "FLASGO_APP": "app.py",
        "OTHER": "1",
    }
    with caplog.at_level(logging.WARNING, "flasgo.settings"):
        load(
            environ=environ,
            dotenv=dotenv,
            owner_of_unknown=lambda name: "flasgo-nonesuch" if name == "CSRF_ENABLED" else None,
        )
    first, other, second = (record.getMessage() for record in caplog.records)
    assert other == (
        "environment FLASGO_ADMIN_PASSWORD_HASH sets nothing. No plugin and no own_settings "
        "declares ADMIN_PASSWORD_HASH."
    ), "FLASGO_PASSWORD_THREADS is no near miss"
    assert first.startswith("environment FLASGO_SECRT_KEY sets nothing")
    assert "'FLASGO_SECRET_KEY'" in first
    assert "FLASGO_CSRF_ENABLED" in second
    assert "pip install flasgo-nonesuch" in second


def test_settings_import_nothing_heavy() -> None:
    code = (
        "import flasgo.settings.settings, sys; "
        "print([m for m in ('dotenv', 'typer', 'uvicorn', 'watchfiles') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
