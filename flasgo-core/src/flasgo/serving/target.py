"""Finds the app that a target names: `app.py`, `pkg.mod:app`, `pkg.mod:create_app()`."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import os
import pkgutil
import re
import sys
import tomllib
import traceback
from collections.abc import Generator, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, TracebackType

from flasgo.app import Flasgo
from flasgo.errors import ConfigurationError, FlasgoError, closest
from flasgo.settings.dotenv import read_dotenv

__all__ = [
    "AppTarget",
    "NoTargetError",
    "TargetError",
    "find_target",
    "is_loading",
    "load_app",
    "load_target",
    "parse_target",
    "target_of",
    "user_error",
    "user_traceback",
]

VARIABLE = "FLASGO_APP"
HOW_TO_WRITE = "Write app.py, app.py:name, package.module:name or package.module:create_app()"

_APP_NAMES = ("app", "application")
_FACTORY_NAMES = ("create_app", "make_app")
_ATTRIBUTE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_PACKAGE_DIR = str(Path(__file__).parents[1]) + os.sep
# Set while a user's module is imported, so that an unguarded app.run() in it does nothing.
_loading: ContextVar[bool] = ContextVar("flasgo_loading", default=False)


class TargetError(ConfigurationError):
    """Raised when no app can be found where a target points.

    Attributes:
        target: The target as written.
    """

    def __init__(self, message: str, *, target: str) -> None:
        super().__init__(message)
        self.target = target


class NoTargetError(TargetError):
    """Raised when no target was given and none is configured."""


@dataclass(frozen=True)
class AppTarget:
    """Where an app is, before anything of it is imported.

    Attributes:
        text: The target as written.
        origin: Where it was written, for messages; empty for an argument.
        module: The dotted name to import.
        path: The file, when the target names one.
        attribute: The app's or the factory's name, or None to look for it.
        calls: Whether the target says `()`.
        root: The folder that has to be on `sys.path`.
    """

    text: str
    origin: str
    module: str
    path: Path | None
    attribute: str | None
    calls: bool
    root: Path

    @property
    def where(self) -> str:
        """The module or file, as messages name it."""
        return str(self.path) if self.path else f"module {self.module}"

    @property
    def absolute(self) -> str:
        """The same target, valid in any working directory whose `sys.path` holds the root."""
        attribute = f":{self.attribute}{'()' if self.calls else ''}" if self.attribute else ""
        return f"{self.path or self.module}{attribute}"


def load_app(target: str | None = None) -> Flasgo:
    """Import and return the app that a target names.

    Args:
        target: `app.py`, `dir/app.py:name`, `pkg.mod`, `pkg.mod:name`, `pkg.mod:create_app()`;
            None for the one in `FLASGO_APP`, in `.env`, under `[tool.flasgo]` in the nearest
            pyproject.toml, or `app.py` here.

    Returns:
        The app.

    Raises:
        TargetError: When there is no app to be found. Whatever the user's own code raises passes
            through; `user_traceback` finds the part of the traceback that is theirs.
    """
    return load_target(find_target(target))


def find_target(target: str | None = None) -> AppTarget:
    """Resolve a target without importing anything.

    Args:
        target: As for `load_app`.

    Returns:
        Where the app is.

    Raises:
        NoTargetError: When there is no target to be found.
        TargetError: When the target is malformed, or its file does not exist.
    """
    if target:
        return parse_target(target)
    if configured := os.environ.get(VARIABLE):
        return parse_target(configured, origin=f"environment {VARIABLE}")
    if configured := read_dotenv(Path(".env")).get(VARIABLE):
        return parse_target(configured, origin=f".env ({VARIABLE})")
    pyproject = _nearest_pyproject()
    if pyproject is not None and (configured := _target_of(pyproject)):
        return parse_target(configured, origin=str(pyproject), base=pyproject.parent)
    if Path("app.py").is_file():
        return parse_target("app.py")
    raise NoTargetError(
        f"No app was named. Looked for {VARIABLE} in the environment and in .env, for "
        f'[tool.flasgo] app = "..." in {pyproject or "a pyproject.toml here or above"}, and for '
        f"app.py in {Path.cwd()}.{_python_files(Path.cwd())} {HOW_TO_WRITE}.",
        target="",
    )


def parse_target(text: str, *, origin: str = "", base: Path | None = None) -> AppTarget:
    """Take a target apart.

    Args:
        text: The target.
        origin: Where it was written, for messages.
        base: The folder that relative paths and modules start from; by default the working
            directory.

    Returns:
        Where the app is.

    Raises:
        TargetError: When it is malformed, or its file does not exist.
    """
    base = (base or Path.cwd()).resolve()
    source, attribute, calls = _split(text.strip(), origin)
    if _is_path(source):
        path = _file_of(base / Path(source).expanduser(), text, origin)
        module, root = _module_of(path)
        return AppTarget(text, origin, module, path, attribute, calls, root)
    if not _ATTRIBUTE.fullmatch(source):
        raise TargetError(
            f"{_quoted(text, origin)} is not a target: {source!r} is neither a file nor the dotted "
            f"name of a module. {HOW_TO_WRITE}.",
            target=text,
        )
    return AppTarget(text, origin, source, None, attribute, calls, base)


def load_target(target: AppTarget, *, settings: Mapping[str, object] | None = None) -> Flasgo:
    """Import what a target points at, and find the app in it.

    Args:
        target: From `find_target` or `parse_target`.
        settings: For a factory with a parameter of this name; an app that exists already cannot
            take any.

    Returns:
        The app.

    Raises:
        TargetError: When the module does not exist or holds no such app. Whatever the user's
            own code raises passes through.
    """
    for folder in (Path.cwd(), target.root):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    with _marked_as_loading():
        module = _import(target)
        return _app_in(module, target, settings or {})


def is_loading() -> bool:
    """Whether a target's module is being imported, so that `app.run()` has to stand back."""
    return _loading.get()


def target_of(app: Flasgo) -> AppTarget:
    """Return the target under which another process can import an app that exists here.

    Args:
        app: The app.

    Returns:
        Where a module-level variable holds it, in the main script if possible.

    Raises:
        TargetError: When no module-level variable holds it.
    """
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    if main is not None and file is not None:
        for name, value in vars(main).items():
            if value is app:
                return parse_target(f"{Path(file).resolve()}:{name}")
    for module_name, module in list(sys.modules.items()):
        if module is main or module_name.startswith("__"):
            continue
        for name, value in list(getattr(module, "__dict__", {}).items()):
            if value is app:
                return parse_target(f"{module_name}:{name}")
    raise TargetError(
        "Reloading and several workers start new processes, which have to import the app, and no "
        "module-level variable holds it. Assign it to one (app = create_app()), or start it by "
        "its factory: flasgo run 'package.module:create_app()' --reload.",
        target="",
    )


def user_error(error: BaseException) -> str:
    """Return the traceback of an error in the user's code as text, Flasgo's own frames left out.

    Args:
        error: What the user's module raised.
    """
    told = traceback.TracebackException(type(error), error, user_traceback(error))
    # What Flasgo raises on purpose says all in its message; the traceback adds nothing.
    while isinstance(error, FlasgoError) and told.stack and _is_ours(told.stack[-1].filename):
        told.stack.pop()
    return "".join(told.format())


def user_traceback(error: BaseException) -> TracebackType | None:
    """Return the traceback of an error from where Flasgo handed over to the user's module.

    Args:
        error: What the user's module raised.

    Returns:
        The user's part of the traceback; None where they have none, as for a SyntaxError.
    """
    part = error.__traceback__
    while part is not None and part.tb_frame.f_code.co_filename != __file__:
        part = part.tb_next
    part = part or error.__traceback__
    while part is not None and _is_machinery(part.tb_frame.f_code.co_filename):
        part = part.tb_next
    return part


# --- taking targets apart ---------------------------------------------------------------------


def _split(text: str, origin: str) -> tuple[str, str | None, bool]:
    """Split `source:attribute()` into its parts."""
    source, colon, expression = text.rpartition(":")
    # C:\app.py has a colon too.
    if not colon or (len(source) == 1 and expression[:1] in {"\\", "/"}):
        return text, None, False
    calls = expression.endswith("()")
    attribute = expression.removesuffix("()")
    if not _ATTRIBUTE.fullmatch(attribute):
        advice = (
            "a factory is called without arguments"
            if "(" in expression
            else "after the colon comes a name"
        )
        raise TargetError(
            f"{_quoted(text, origin)} is not a target: {advice}, found {expression!r}. "
            f"{HOW_TO_WRITE}.",
            target=text,
        )
    return source, attribute, calls


def _is_path(source: str) -> bool:
    return (
        source.endswith(".py")
        or "/" in source
        or os.sep in source
        or source in {"", ".", ".."}
        or (Path(source).is_dir() and not (Path(source) / "__init__.py").exists())
    )


def _file_of(path: Path, text: str, origin: str) -> Path:
    path = Path(os.path.normpath(path))
    if path.is_dir():
        for name in ("app.py", "__init__.py"):
            if (path / name).is_file():
                return (path / name).resolve()
        raise TargetError(
            f"{_quoted(text, origin)}: the folder {path} holds no app.py.{_python_files(path)}",
            target=text,
        )
    if not path.is_file() and path.with_name(path.name + ".py").is_file():
        path = path.with_name(path.name + ".py")
    if not path.is_file():
        if path.parent.is_dir():
            found = _python_files(path.parent, like=path.name)
        else:
            found = f" The folder {path.parent} does not exist either."
        raise TargetError(f"{_quoted(text, origin)}: there is no file {path}.{found}", target=text)
    return path.resolve()


def _module_of(path: Path) -> tuple[str, Path]:
    """Return the dotted name under which a file is imported, and the folder it starts from."""
    parts = [] if path.name == "__init__.py" else [path.stem]
    folder = path.parent
    while (folder / "__init__.py").is_file() and folder.name.isidentifier():
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts), folder


def _nearest_pyproject() -> Path | None:
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "pyproject.toml").is_file():
            return folder / "pyproject.toml"
    return None


def _target_of(pyproject: Path) -> str | None:
    try:
        content = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TargetError(f"Cannot read {pyproject}: {error}.", target="") from None
    tool = content.get("tool")
    table = tool.get("flasgo", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise TargetError(
            f'flasgo under [tool] in {pyproject} is {table!r}; write [tool.flasgo] app = "...".',
            target="",
        )
    unknown = sorted(set(table) - {"app"})
    if unknown:
        raise TargetError(
            f"[tool.flasgo] in {pyproject} has {unknown[0]!r}; it takes `app` and nothing else. "
            "Settings are given in the app, in .env or in the environment.",
            target="",
        )
    app = table.get("app")
    if app is not None and not isinstance(app, str):
        raise TargetError(
            f"[tool.flasgo] app in {pyproject} is {app!r}; it takes a target in quotes. "
            f"{HOW_TO_WRITE}.",
            target=str(app),
        )
    return app


# --- importing --------------------------------------------------------------------------------


@contextlib.contextmanager
def _marked_as_loading() -> Generator[None]:
    token = _loading.set(True)
    try:
        yield
    finally:
        _loading.reset(token)


def _import(target: AppTarget) -> ModuleType:
    if target.path is not None:
        return _import_file(target, target.path)
    try:
        return importlib.import_module(target.module)
    except ModuleNotFoundError as error:
        # A module that the user's own code misses is theirs to see in a traceback.
        missing = error.name or ""
        if target.module != missing and not target.module.startswith(missing + "."):
            raise
        raise TargetError(
            f"{_quoted(target.text, target.origin)}: there is no module {missing!r}, looked in "
            f"{target.root} and in the installed packages.{_modules_like(missing, target.root)}",
            target=target.text,
        ) from None


def _import_file(target: AppTarget, path: Path) -> ModuleType:
    for name in (target.module, "__mp_main__"):
        # A reload child has run the main script already, under the second of these names.
        loaded = sys.modules.get(name)
        if loaded is not None and _same_file(loaded, path):
            return loaded
    if "." in target.module or path.name == "__init__.py":
        module = importlib.import_module(target.module)
        if _same_file(module, path):
            return module
        raise TargetError(
            f"{_quoted(target.text, target.origin)}: importing {target.module} gives "
            f"{getattr(module, '__file__', 'a package without a file')}, not {path}. Two packages "
            "share the name; rename one, or run from where only one is found.",
            target=target.text,
        )
    # A lone file is imported by its path: app-2.py has no importable name, and a json.py must
    # not be mistaken for the standard library's.
    name = target.module
    while name in sys.modules:
        name += "_"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise TargetError(
            f"{_quoted(target.text, target.origin)}: {path} is not a Python file. {HOW_TO_WRITE}.",
            target=target.text,
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _same_file(module: ModuleType, path: Path) -> bool:
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and Path(file).resolve() == path


def _app_in(module: ModuleType, target: AppTarget, settings: Mapping[str, object]) -> Flasgo:
    if target.attribute is None:
        return _only_app(module, target, settings)
    found: object = module
    for part in target.attribute.split("."):
        if not hasattr(found, part):
            raise _no_such_attribute(module, target)
        found = getattr(found, part)
    if isinstance(found, Flasgo) and not target.calls:
        return _as_it_is(found, target, settings)
    return _made_by(found, target, target.attribute, settings)


def _only_app(module: ModuleType, target: AppTarget, settings: Mapping[str, object]) -> Flasgo:
    apps = _apps_of(module)
    for name in _APP_NAMES:
        if name in apps:
            return _as_it_is(apps[name], target, settings)
    if len({id(app) for app in apps.values()}) == 1:
        return _as_it_is(next(iter(apps.values())), target, settings)
    if apps:
        raise TargetError(
            f"{target.where} holds several apps: {', '.join(apps)}. "
            f"Name one, such as {target.text}:{next(iter(apps))}.",
            target=target.text,
        )
    for name in _FACTORY_NAMES:
        if callable(getattr(module, name, None)):
            return _made_by(getattr(module, name), target, name, settings)
    raise TargetError(
        f"{target.where} holds no Flasgo app: no variable of it is one, and it has no "
        f"create_app(). Add `app = Flasgo()`, or name the app: {target.text}:name.",
        target=target.text,
    )


def _as_it_is(app: Flasgo, target: AppTarget, settings: Mapping[str, object]) -> Flasgo:
    if settings:
        raise TargetError(
            f"{_quoted(target.text, target.origin)} is an app that exists already, so it cannot "
            f"take the settings {', '.join(settings)}. Make it in a factory, `def "
            "create_app(settings=None)`, and name that: package.module:create_app().",
            target=target.text,
        )
    return app


def _made_by(
    factory: object, target: AppTarget, name: str, settings: Mapping[str, object]
) -> Flasgo:
    if not callable(factory) or isinstance(factory, Flasgo):
        raise TargetError(
            f"{target.where}: {name} is of type {type(factory).__name__}, not "
            f"{'a factory' if target.calls else 'a Flasgo app'}."
            f"{_apps_like(name, target, factory)}",
            target=target.text,
        )
    if not _takes_nothing(factory):
        raise TargetError(
            f"{target.where}: {name} cannot be called without arguments, so it is no factory. "
            "Give its parameters defaults, or write a function without any that calls it.",
            target=target.text,
        )
    if settings and "settings" not in inspect.signature(factory).parameters:
        raise TargetError(
            f"{target.where}: {name} has no parameter `settings`, so it cannot take "
            f"{', '.join(settings)}. Add one, and hand it to Flasgo(settings=...).",
            target=target.text,
        )
    made = factory(settings=settings) if settings else factory()
    if isinstance(made, Flasgo):
        return made
    if inspect.iscoroutine(made):
        made.close()
    raise TargetError(
        f"{target.where}: {name}() returned {type(made).__name__}, not a Flasgo app."
        + (" A factory is a plain `def`." if inspect.iscoroutine(made) else ""),
        target=target.text,
    )


def _takes_nothing(factory: object) -> bool:
    try:
        inspect.signature(factory).bind()  # ty: ignore[invalid-argument-type]
    except TypeError:
        return False
    except ValueError:
        return True
    return True


# --- what to say ------------------------------------------------------------------------------


def _apps_of(module: ModuleType) -> dict[str, Flasgo]:
    return {name: value for name, value in vars(module).items() if isinstance(value, Flasgo)}


def _no_such_attribute(module: ModuleType, target: AppTarget) -> TargetError:
    apps = _apps_of(module)
    name = target.attribute or ""
    if apps:
        match = closest(name, apps)
        hint = f" Did you mean {match!r}?" if match else ""
        hint += f" Its apps are: {', '.join(apps)}."
    else:
        match = closest(name, [key for key in vars(module) if not key.startswith("_")])
        hint = f" Did you mean {match!r}?" if match else ""
        hint += " None of its variables is a Flasgo app."
    origin = f" (from {target.origin})" if target.origin else ""
    return TargetError(f"{target.where} has no {name!r}{origin}.{hint}", target=target.text)


def _apps_like(name: str, target: AppTarget, found: object) -> str:
    if isinstance(found, Flasgo):
        return f" It is the app itself: write {target.text.removesuffix('()')}."
    if callable(getattr(found, "app", None)):
        return " To put ASGI middleware around an app, use app.add_middleware(...)."
    return f" Name the variable that holds the app in place of {name}."


def _python_files(folder: Path, like: str = "") -> str:
    """Return a sentence on the Python files of a folder, the closest first."""
    names = sorted(entry.name for entry in folder.glob("*.py"))[:10]
    match = closest(like, names) if like else None
    if match:
        return f" Did you mean {folder / match}?"
    return f" Python files there: {', '.join(names)}." if names else " No Python file is there."


def _modules_like(missing: str, root: Path) -> str:
    package, _, name = missing.rpartition(".")
    places: Iterable[str] = [str(root)]
    if package:
        places = getattr(sys.modules.get(package), "__path__", [])
    match = closest(name, [found.name for found in pkgutil.iter_modules(places)])
    if match:
        return f" Did you mean {f'{package}.{match}' if package else match!r}?"
    if not package and (root / "src" / name).is_dir():
        return f" {root / 'src' / name} exists: install the project first, pip install -e ."
    return f" {HOW_TO_WRITE}."


def _quoted(text: str, origin: str) -> str:
    return f"Target {text!r}" + (f" (from {origin})" if origin else "")


def _is_ours(filename: str) -> bool:
    return filename.startswith(_PACKAGE_DIR)


def _is_machinery(filename: str) -> bool:
    return filename.startswith(
        (_PACKAGE_DIR, "<frozen importlib", "<frozen runpy")
    ) or filename.endswith(("importlib/__init__.py", "importlib\\__init__.py"))
