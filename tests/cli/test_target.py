"""CLI-1, CLI-3: what a target means, and what is said when it means nothing."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest
from flasgo import Flasgo
from flasgo.errors import ConfigurationError
from flasgo.serving.target import (
    NoTargetError,
    TargetError,
    find_target,
    is_loading,
    load_app,
    parse_target,
    target_of,
    user_error,
    user_traceback,
)

APP = "from flasgo import Flasgo\n\napp = Flasgo({name!r})\n"
Write = Callable[..., Path]

pytestmark = pytest.mark.usefixtures("own_modules")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FLASGO_APP", raising=False)
    monkeypatch.setenv("FLASGO_SECRET_KEY", "0f3b1c9a7d5e42608b1f6c2d9e7a4b53")
    return tmp_path


# --- what works -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "target"),
    [
        ("app.py", "app.py"),
        ("app.py", "./app.py"),
        ("app.py", "app"),
        ("app.py", "app:app"),
        ("app.py", "app.py:app"),
        ("app.py", "."),
        ("sub/app.py", "sub"),
        ("sub/app.py", "sub/"),
        ("sub/app.py", "sub/app.py"),
        ("sub/app.py", "sub/app"),
        ("my-app 2.py", "my-app 2.py"),
        ("pkg_a/__init__.py", "pkg_a"),
        ("pkg_b/__init__.py", "pkg_b/__init__.py:app"),
        ("pkg_c/web/main.py", "pkg_c/web/main.py"),
        ("pkg_d/web/main.py", "pkg_d.web.main:app"),
        ("json.py", "json.py"),
    ],
)
def test_targets(write: Write, file: str, target: str) -> None:
    if file.startswith(("pkg_c", "pkg_d")):
        for folder in ("", "web/"):
            write(f"{file[:5]}/{folder}__init__.py")
    write(file, APP.format(name=target))
    assert load_app(target).name == target


def test_an_absolute_path(write: Write, tmp_path: Path) -> None:
    path = write("elsewhere/site.py", APP.format(name="absolute"))
    assert load_app(str(path)).name == "absolute"
    assert load_app(f"{path}:app").name == "absolute"


def test_a_file_in_a_package_can_import_relatively(write: Write, tmp_path: Path) -> None:
    write("src/shop/__init__.py")
    write("src/shop/names.py", "NAME = 'relative'\n")
    write("src/shop/web.py", "from .names import NAME\n" + APP.format(name="x"))
    assert parse_target("src/shop/web.py").module == "shop.web"
    assert parse_target("src/shop/web.py").root == tmp_path / "src"
    load_app("src/shop/web.py")
    assert sys.modules["shop.web"].NAME == "relative"


def test_a_lone_file_can_import_its_neighbours(write: Write) -> None:
    write("deep/neighbour_x.py", "NAME = 'neighbour'\n")
    write(
        "deep/app.py",
        "from flasgo import Flasgo\nimport neighbour_x\napp = Flasgo(neighbour_x.NAME)\n",
    )
    assert load_app("deep/app.py").name == "neighbour"


def test_the_working_directory_is_importable(write: Write) -> None:
    write("shared_x.py", "NAME = 'shared'\n")
    write("deep/app.py", "from flasgo import Flasgo\nimport shared_x\napp = Flasgo(shared_x.NAME)")
    assert load_app("deep/app.py").name == "shared"


def test_two_files_of_one_name_are_two_modules(write: Write) -> None:
    write("one/app.py", APP.format(name="one"))
    write("two/app.py", APP.format(name="two"))
    first = load_app("one/app.py")
    assert (first.name, load_app("two/app.py").name) == ("one", "two")
    assert load_app("one/app.py") is first


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("app = Flasgo('app'); other = Flasgo('other')", "app"),
        ("application = Flasgo('application'); other = Flasgo('other')", "application"),
        ("site = Flasgo('site')", "site"),
        ("site = again = Flasgo('site')", "site"),
        ("app = 5; site = Flasgo('site')", "site"),
        ("def create_app(): return Flasgo('made')", "made"),
        ("def make_app(debug=False): return Flasgo('made')", "made"),
        ("site = Flasgo('site')\ndef create_app(): return Flasgo('made')", "site"),
    ],
)
def test_an_app_without_a_name_is_found(write: Write, body: str, name: str) -> None:
    write("site_x.py", f"from flasgo import Flasgo\n{body}\n")
    assert load_app("site_x.py").name == name


@pytest.mark.parametrize("target", ["f.py:create", "f.py:create()", "f:create()", "f:Shop.make()"])
def test_factories(write: Write, target: str) -> None:
    write(
        "f.py",
        "from flasgo import Flasgo\ndef create(): return Flasgo('made')\n"
        "class Shop:\n    make = staticmethod(create)\n",
    )
    assert load_app(target).name == "made"


def test_a_dotted_attribute(write: Write) -> None:
    write("h.py", "from flasgo import Flasgo\nclass Holder:\n    site = Flasgo('held')\n")
    assert load_app("h.py:Holder.site").name == "held"


# --- where a target comes from ----------------------------------------------------------------


def test_priority_of_configured_targets(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("app", "env", "envfile", "project", "given"):
        write(f"{name}.py", APP.format(name=name))
    assert load_app().name == "app"
    write("pyproject.toml", '[tool.flasgo]\napp = "project.py"\n')
    assert load_app().name == "project"
    write(".env", "FLASGO_APP=envfile.py\n")
    assert load_app().name == "envfile"
    monkeypatch.setenv("FLASGO_APP", "env:app")
    assert load_app().name == "env"
    assert load_app("given.py").name == "given"


def test_pyproject_above_is_relative_to_itself(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("pyproject.toml", '[tool.flasgo]\napp = "web_y.site:app"\n')
    write("web_y/__init__.py")
    write("web_y/site.py", APP.format(name="above"))
    write("docs/x.txt")
    monkeypatch.chdir(tmp_path / "docs")
    assert load_app().name == "above"
    assert str(tmp_path / "pyproject.toml") in find_target().origin


@pytest.mark.parametrize(
    "content",
    ["[tool.flasgo", "[tool.flasgo]\napp = 5", "[tool]\nflasgo = 5", "[tool.flasgo]\naap = 'x'"],
)
def test_a_bad_pyproject(write: Write, content: str) -> None:
    write("pyproject.toml", content)
    with pytest.raises(TargetError, match=r"pyproject\.toml"):
        load_app()


@pytest.mark.parametrize("content", ["", "tool = 5", "[tool]\n", "[tool.flasgo]\n"])
def test_a_pyproject_that_does_not_name_an_app(write: Write, content: str) -> None:
    write("pyproject.toml", content)
    write("app.py", APP.format(name="here"))
    assert load_app().name == "here"


def test_a_configured_name_that_is_missing_says_who_asked_for_it(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("app.py", APP.format(name="here"))
    monkeypatch.setenv("FLASGO_APP", "app.py:missing")
    with pytest.raises(TargetError, match=r"no 'missing' \(from environment FLASGO_APP\)"):
        load_app()


def test_no_target_at_all(write: Write, tmp_path: Path) -> None:
    write("main.py")
    with pytest.raises(NoTargetError) as caught:
        load_app()
    message = str(caught.value)
    for part in ("FLASGO_APP", "[tool.flasgo]", "app.py", str(tmp_path), "main.py"):
        assert part in message


# --- what is wrong ----------------------------------------------------------------------------


def refused(target: str) -> str:
    with pytest.raises(TargetError) as caught:
        load_app(target)
    assert isinstance(caught.value, ConfigurationError)
    return str(caught.value)


def test_a_missing_file_names_where_and_what_is_close(write: Write, tmp_path: Path) -> None:
    write("application.py")
    message = refused("aplication.py")
    assert f"no file {tmp_path / 'aplication.py'}" in message
    assert f"Did you mean {tmp_path / 'application.py'}?" in message


def test_a_missing_file_with_nothing_close(write: Write, tmp_path: Path) -> None:
    write("main.py")
    assert "Python files there: main.py." in refused("zzz.py")
    assert "does not exist either" in refused("nowhere/zzz.py")
    write("empty/readme.txt")
    assert "holds no app.py. No Python file is there." in refused("empty/")


def test_a_missing_module(write: Write, tmp_path: Path) -> None:
    write("shop_z/__init__.py")
    write("shop_z/views.py")
    assert "Did you mean 'shop_z'?" in refused("shpo_z:app")
    assert str(tmp_path) in refused("shpo_z:app")
    assert "Did you mean 'shop_z.views'?" in refused("shop_z.vews:app")


def test_a_missing_module_that_lies_in_src(write: Write) -> None:
    write("src/store_z/__init__.py")
    assert "pip install -e ." in refused("store_z.web:app")


def test_a_missing_attribute(write: Write) -> None:
    write("n.py", "from flasgo import Flasgo\nweb_app = Flasgo()\nnothing = 1\n")
    message = refused("n:webapp")
    assert "Did you mean 'web_app'?" in message
    assert "Its apps are: web_app." in message
    write("m.py", "number = 1\n")
    assert "None of its variables is a Flasgo app" in refused("m:numbr")


def test_several_apps(write: Write) -> None:
    write("several.py", "from flasgo import Flasgo\none = Flasgo()\ntwo = Flasgo()\n")
    message = refused("several.py")
    assert "one, two" in message
    assert "several.py:one" in message


def test_no_app_at_all(write: Write) -> None:
    write("none.py", "x = 1\n")
    assert "holds no Flasgo app" in refused("none.py")


@pytest.mark.parametrize(
    ("body", "target", "said"),
    [
        ("app = 5", "b.py:app", "app is of type int"),
        ("app = Flasgo()", "b.py:app()", "It is the app itself: write b.py:app."),
        ("def make(x): ...", "b.py:make", "cannot be called without arguments"),
        ("def make(): return 5", "b.py:make()", "make() returned int, not a Flasgo app"),
        ("async def make(): ...", "b.py:make()", "A factory is a plain `def`"),
        (
            "class W:\n    def __init__(self, app): self.app = app\nw = W(Flasgo())",
            "b.py:w",
            "app.add_middleware",
        ),
    ],
)
def test_what_is_no_app(write: Write, body: str, target: str, said: str) -> None:
    write("b.py", f"from flasgo import Flasgo\n{body}\n")
    assert said in refused(target)


@pytest.mark.parametrize(
    "target",
    ["app:", "app:1x", "app:create_app('x')", "pkg..mod:app", "a b:app", "-app", "app:a b"],
)
def test_malformed_targets(target: str) -> None:
    assert "Write app.py" in refused(target)


def test_a_bad_target_from_the_environment_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASGO_APP", "nowhere.py")
    with pytest.raises(TargetError, match="from environment FLASGO_APP"):
        load_app()


def test_two_packages_of_one_name(write: Write) -> None:
    write("a/dup_q/__init__.py")
    write("a/dup_q/web.py", APP.format(name="a"))
    write("b/dup_q/__init__.py")
    write("b/dup_q/web.py", APP.format(name="b"))
    assert load_app("a/dup_q/web.py").name == "a"
    assert "Two packages share the name" in refused("b/dup_q/web.py")


# --- the user's own errors --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("import no_such_module_q", ModuleNotFoundError),
        ("from flasgo import Flasgo\n1 / 0", ZeroDivisionError),
        ("def create_app():\n    raise RuntimeError('mine')", RuntimeError),
        ("def create_app():\n    raise TypeError('mine')", TypeError),
        ("from flasgo import Flasgo\napp = Flasgo(settings={'DEBGU': 1})", ConfigurationError),
    ],
)
@pytest.mark.parametrize("target", ["mine.py", "mine"])
def test_errors_of_the_user_pass_with_their_traceback(
    write: Write, tmp_path: Path, body: str, error: type[Exception], target: str
) -> None:
    write("mine.py", body)
    with pytest.raises(error) as caught:
        load_app(target)
    assert not isinstance(caught.value, TargetError)
    first = user_traceback(caught.value)
    assert first is not None
    assert first.tb_frame.f_code.co_filename == str(tmp_path / "mine.py")
    text = user_error(caught.value)
    assert text.splitlines()[1].strip().startswith(f'File "{tmp_path / "mine.py"}"')
    assert "importlib" not in text


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("from flasgo import Flasgo\napp = Flasgo(settings={'DEBGU': 1})\n", "DEBGU"),
        ("from flasgo import Flasgo\napp = Flasgo()\napp.get('/<itn:x>')(lambda x: x)\n", "itn"),
    ],
)
def test_what_flasgo_refuses_ends_in_the_users_line(
    write: Write, tmp_path: Path, body: str, line: str
) -> None:
    path = write("mine.py", body)
    with pytest.raises(ConfigurationError) as caught:
        load_app("mine.py")
    text = user_error(caught.value)
    assert text.count("  File ") == 1
    assert f'File "{path}"' in text
    assert line in text
    assert text.endswith(f"{caught.value}\n")


def test_a_syntax_error_shows_the_line(write: Write, tmp_path: Path) -> None:
    write("broken.py", "from flasgo import Flasgo\nif:\n")
    with pytest.raises(SyntaxError) as caught:
        load_app("broken.py")
    text = user_error(caught.value)
    assert text.startswith(f'  File "{tmp_path / "broken.py"}", line 2')
    assert "target.py" not in text


def test_a_module_that_failed_can_be_loaded_again(write: Write) -> None:
    write("again.py", "1 / 0")
    with pytest.raises(ZeroDivisionError):
        load_app("again.py")
    write("again.py", APP.format(name="mended at last"))
    assert load_app("again.py").name == "mended at last"


def test_an_unguarded_run_does_nothing(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    write("unguarded.py", APP.format(name="unguarded") + "app.run(port=1)\n")
    assert load_app("unguarded.py").name == "unguarded"
    assert '__name__ == "__main__"' in caplog.text
    assert not is_loading()


# --- the way back -----------------------------------------------------------------------------


def test_target_of_an_app_in_a_module(write: Write) -> None:
    write("held_v.py", APP.format(name="held"))
    app = load_app("held_v")
    assert target_of(app).absolute == "held_v:app"


def test_target_of_an_app_in_the_main_script(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = Flasgo()
    main = types.ModuleType("__main__")
    main.__file__ = str(write("script.py"))
    main.site = app  # ty: ignore[missing-attribute]
    monkeypatch.setitem(sys.modules, "__main__", main)
    assert target_of(app).absolute == f"{tmp_path / 'script.py'}:site"


def test_target_of_an_app_that_nobody_holds() -> None:
    with pytest.raises(TargetError, match="no module-level variable"):
        target_of(Flasgo())
