"""Finds template files, and nothing outside the template directories."""

from __future__ import annotations

import itertools
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from flasgo import ConfigurationError
from jinja2 import BaseLoader, Environment

from flasgo_templates.errors import MissingTemplateError, RefusedTemplateError

__all__ = ["TemplateLoader", "TemplateRoot", "checked_prefix", "split_name"]

_MAX_NAME = 512
_MAX_LISTED = 2000

Source = tuple[str, str, Callable[[], bool]]
"""The text, the path of the file, and a function that tells whether both still hold."""


def split_name(name: str) -> tuple[str, ...]:
    """Split a template name into its components.

    Args:
        name: Components with `/` between them, such as `mail/welcome.html`.

    Returns:
        The components.

    Raises:
        RefusedTemplateError: When the name is empty, absolute, too long, or climbs up; when it has
            a backslash, a colon or a control character; when it is not valid Unicode (CWE-22).
    """
    if not name:
        raise RefusedTemplateError(name, "the name is empty")
    if len(name) > _MAX_NAME:
        raise RefusedTemplateError(name, f"the name is longer than {_MAX_NAME} characters")
    if not name.isprintable():
        raise RefusedTemplateError(name, "the name has a NUL, control or unprintable character")
    if "\\" in name or ":" in name:
        raise RefusedTemplateError(name, "the name has a backslash or a colon; write / between")
    components = tuple(name.split("/"))
    if components[0] == "":
        raise RefusedTemplateError(name, "the name is absolute; give it relative to a directory")
    if any(component in ("", ".", "..") for component in components):
        raise RefusedTemplateError(name, "the name has an empty, '.' or '..' component")
    return components


def checked_prefix(prefix: str) -> str:
    """Return a prefix unchanged when it is one component of a template name.

    Args:
        prefix: What names of templates begin with, before a slash.

    Raises:
        ConfigurationError: When it is not.
    """
    try:
        if len(split_name(prefix)) == 1:
            return prefix
        reason = "the name has a slash"
    except RefusedTemplateError as error:
        reason = error.reason
    raise ConfigurationError(
        f"{prefix!r} cannot be the prefix of templates: {reason}. Use a plain word, such as 'shop'."
    )


@dataclass(frozen=True)
class TemplateRoot:
    """One directory of templates.

    Args:
        directory: The real path of the directory.
        prefix: The first component of the names it answers to; empty for all names.
    """

    directory: Path
    prefix: str = ""

    def within(self, components: tuple[str, ...]) -> tuple[str, ...]:
        """Return the components of a name inside this directory, or an empty tuple."""
        if not self.prefix:
            return components
        return components[1:] if components[0] == self.prefix else ()

    def find(self, components: tuple[str, ...], name: str) -> Path | None:
        """Return the real path of a template, or None.

        Args:
            components: What `within` returned.
            name: The whole name, for errors.

        Raises:
            RefusedTemplateError: When a symlink leads out of the directory.
        """
        try:
            found = self.directory.joinpath(*components).resolve(strict=True)
        except (OSError, RuntimeError):  # RuntimeError: a loop of symlinks, before Python 3.13
            return None
        # SECURITY: compared by components; "/srv/templates-old" is not inside "/srv/templates".
        if not found.is_relative_to(self.directory):
            raise RefusedTemplateError(name, "it leads out of the template directory")
        return found if found.is_file() else None

    def names(self) -> Iterator[str]:
        """Yield the names of the templates in this directory."""
        for folder, subfolders, files in os.walk(self.directory):
            subfolders.sort()
            inside = Path(folder).relative_to(self.directory)
            for file in sorted(files):
                yield Path(self.prefix, inside, file).as_posix()


class TemplateLoader(BaseLoader):
    """Loads templates from directories, in order, within their bounds.

    Args:
        roots: The directories.
        max_bytes: The largest file that is accepted as a template, in bytes.
    """

    def __init__(self, roots: Iterable[TemplateRoot], *, max_bytes: int) -> None:
        self.roots = tuple(roots)
        self.max_bytes = max_bytes

    def get_source(self, environment: Environment, template: str) -> Source:
        """Return a template for Jinja.

        Args:
            environment: Not used.
            template: The name.

        Raises:
            MissingTemplateError: When there is none of that name.
            RefusedTemplateError: When the name or the file is not allowed.
        """
        components = split_name(template)
        for root in self.roots:
            inside = root.within(components)
            path = root.find(inside, template) if inside else None
            if path is not None:
                text, mark = self._read(path, template)
                return text, str(path), partial(_is_current, root, inside, template, mark)
        raise MissingTemplateError(template, self.searched, self.list_templates)

    @property
    def searched(self) -> tuple[str, ...]:
        """The directories, as an error message shows them."""
        return tuple(
            f"{root.directory} (as {root.prefix}/)" if root.prefix else str(root.directory)
            for root in self.roots
        )

    def list_templates(self) -> list[str]:
        """Return the names of the templates, sorted; at most 2000."""
        names = itertools.chain.from_iterable(root.names() for root in self.roots)
        return sorted(set(itertools.islice(names, _MAX_LISTED)))

    def _read(self, path: Path, name: str) -> tuple[str, object]:
        # SECURITY: the path is real and contained; a link put in its place since is not followed,
        # and a FIFO does not block (CWE-367).
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        try:
            with os.fdopen(os.open(path, flags), "rb") as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise RefusedTemplateError(name, "it is not a regular file")
                # The bytes are counted, since a file can grow after its size was asked.
                content = file.read(self.max_bytes + 1)
        except OSError as error:
            raise RefusedTemplateError(name, f"it cannot be read: {error.strerror}") from error
        if len(content) > self.max_bytes:
            raise RefusedTemplateError(name, f"it is larger than {self.max_bytes} bytes")
        try:
            return content.decode("utf-8"), _mark(status)
        except UnicodeDecodeError:
            raise RefusedTemplateError(name, "it is not UTF-8 text") from None


def _mark(status: os.stat_result) -> object:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _is_current(root: TemplateRoot, components: tuple[str, ...], name: str, mark: object) -> bool:
    path = root.find(components, name)
    try:
        return path is not None and _mark(path.stat()) == mark
    except OSError:
        return False
