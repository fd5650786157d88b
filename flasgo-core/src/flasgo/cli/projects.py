"""New projects from the skeletons beside this file."""

from __future__ import annotations

import json
import keyword
import re
import secrets
import sys
from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template
from typing import Literal
from urllib.parse import urlsplit
from urllib.request import url2pathname

from flasgo import _bundle
from flasgo.errors import ConfigurationError
from flasgo.features import BUILT_IN

__all__ = ["Kind", "create_project"]

Kind = Literal["app", "plugin"]

_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9]|[-_](?=[A-Za-z0-9])){0,62}\Z")
_TAKEN = frozenset({"flasgo", "tests", "test", *sys.stdlib_module_names})
_SUFFIX = ".tmpl"
_HIDDEN = {"env": ".env", "gitignore": ".gitignore"}
"""Files whose names begin with a dot, which packages leave out."""


def create_project(kind: Kind, name: str, folder: Path, version: str) -> list[Path]:
    """Write a new project into a folder.

    Args:
        kind: `app` or `plugin`.
        name: The name of its distribution, such as `shop` or `flasgo-greeting`.
        folder: Where to put it; it must not exist, or be empty.
        version: Flasgo's version, which the project depends on.

    Returns:
        The files, relative to the folder.

    Raises:
        ConfigurationError: When the name cannot be one of a package, or the folder is not empty.
        OSError: When the files cannot be written.
    """
    values = _values(kind, name, version)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigurationError(
            f"{folder} exists already and is not an empty folder. Give another name, or --into."
        )
    written: list[Path] = []
    skeleton = files("flasgo.cli").joinpath("skeletons", kind)
    for place, source in _sources(skeleton, Path()):
        parts = [values["module"] if part == "module" else part for part in place.parts]
        target = Path(*parts[:-1], _HIDDEN.get(parts[-1], parts[-1]))
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        text = Template(source.read_text(encoding="utf-8")).substitute(values)
        if target.name == "pyproject.toml":
            text += _checkout_sources(text)
        (folder / target).write_text(text, encoding="utf-8")
        if target.name == ".env":
            (folder / target).chmod(0o600)  # it holds a key
        written.append(target)
    return sorted(written)


def _checkout_sources(project: str) -> str:
    """Return the lines that have uv take Flasgo from the checkout or the wheels in use, if any.

    An index may hold other packages of these names, or none.
    """
    lines: list[str] = []
    folders: set[str] = set()  # of wheels, where uv finds what those need in turn
    for name in dict.fromkeys(re.findall(r'"(flasgo[a-z-]*)>=', project)):
        try:
            described = distribution(name).read_text("direct_url.json")
        except PackageNotFoundError:
            continue
        origin = json.loads(described or "{}")
        if not origin.get("url", "").startswith("file:"):
            continue
        path = url2pathname(urlsplit(origin["url"]).path)
        if origin.get("dir_info", {}).get("editable"):
            lines.append(f"{name} = {{ path = {json.dumps(path)}, editable = true }}")
        elif path.endswith(".whl"):
            lines.append(f"{name} = {{ path = {json.dumps(path)} }}")
            folders.add(str(Path(path).parent))
    if not lines:
        return ""
    links = ["[tool.uv]", f"find-links = {json.dumps(sorted(folders))}", ""] if folders else []
    head = "\n# Where the Flasgo that is in use was installed from."
    return "\n".join([head, *links, "[tool.uv.sources]", *lines, ""])


def _sources(folder: Traversable, place: Path) -> list[tuple[Path, Traversable]]:
    found: list[tuple[Path, Traversable]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _sources(entry, place / entry.name)
        elif entry.name.endswith(_SUFFIX):
            found.append((place / entry.name.removesuffix(_SUFFIX), entry))
    return found


def _holder_of(kind: Kind, distribution_name: str, identifier: str) -> str | None:
    """Return what of Flasgo has the name of a new project already, or None."""
    if distribution_name in {"flasgo-core", *_bundle.PLUGINS.values()}:
        return f"{distribution_name} is a package of Flasgo"
    if kind == "plugin" and identifier in _bundle.PLUGINS:
        return f"the plugin {identifier!r} of {_bundle.PLUGINS[identifier]} has the name"
    if kind == "plugin" and identifier in BUILT_IN:
        return f"the plugin {identifier!r} of flasgo-core has the name"
    return None


def _values(kind: Kind, name: str, version: str) -> dict[str, str]:
    module = name.replace("-", "_").lower()
    if not _NAME.match(name) or keyword.iskeyword(module) or keyword.issoftkeyword(module):
        raise ConfigurationError(
            f"{name!r} cannot be the name of a package. Use letters, digits and single hyphens, "
            "beginning with a letter, such as 'shop' or 'flasgo-greeting'."
        )
    if module in _TAKEN:
        raise ConfigurationError(
            f"{name!r} is the name of a module that Python or Flasgo has already. "
            "Choose another name."
        )
    plugin = name.lower().replace("_", "-").removeprefix("flasgo-")
    identifier = plugin.replace("-", "_")
    holder = _holder_of(kind, module.replace("_", "-"), identifier)
    if holder is not None:
        raise ConfigurationError(
            f"{name!r} cannot be used: {holder}. Choose another name, such as 'flasgo-my-{plugin}'."
        )
    words = "".join(word.capitalize() for word in plugin.split("-"))
    major, minor, *_ = version.split(".")
    values = {
        "distribution": name,
        "module": module,
        "minor": f"{major}.{minor}",
        "next_minor": f"{major}.{int(minor) + 1}",
        "secret": secrets.token_urlsafe(32),
        "test_secret": secrets.token_urlsafe(32),
    }
    if kind == "plugin":
        values |= {
            "plugin": plugin,
            "identifier": identifier,
            "setting": identifier.upper(),
            "policy": words,
            "class_name": f"{words}Plugin",
        }
    return values
