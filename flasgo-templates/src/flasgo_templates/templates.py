"""`JinjaTemplates`: renders the templates of some directories."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

import jinja2

from flasgo_templates.async_functions import AsyncFunctions
from flasgo_templates.bytecode import bytecode_cache
from flasgo_templates.directories import (
    Directories,
    PathLike,
    caller_directory,
    real_directories,
    real_directory,
)
from flasgo_templates.environment import CODE_VERSION, TemplateEnvironment
from flasgo_templates.errors import RefusedTemplateError
from flasgo_templates.json_text import json_text
from flasgo_templates.loader import TemplateLoader, TemplateRoot, checked_prefix
from flasgo_templates.undefined import LocatedUndefined

if TYPE_CHECKING:
    from jinja2.ext import Extension

    from flasgo_templates.async_functions import Function

__all__ = ["JinjaTemplates"]

DEFAULT_MAX_BYTES = 1024 * 1024
DEFAULT_CACHE_SIZE = 400


class JinjaTemplates:
    """Renders Jinja templates: sandboxed, with strict undefined variables, always escaping.

    It needs no app. `app.configure_templates` makes one that also knows the request, the
    context processors and the templates that plugins bring.

    Args:
        directory: A directory, or several, searched in order. A relative one is looked for next
            to the file that makes this object, then in the current directory.
        prefixes: More directories, whose templates' names begin with the key and a slash.
        filters: Filters by name, beside Jinja's own.
        tests: Tests by name, beside Jinja's own.
        globals: Values by name that every template sees, imported macros included.
        extensions: Jinja extensions, as classes or import paths.
        auto_reload: Whether to look at each rendering whether a file has changed.
        cache_size: How many compiled templates are kept in memory; -1 keeps all.
        max_bytes: The largest template that is accepted, in bytes.
        trim_blocks: Whether the newline after a block is dropped.
        lstrip_blocks: Whether blanks before a block are dropped.
        bytecode_directory: Where to keep compiled templates between processes. It must belong
            to the user the app runs as, and no other user may write to it.

    Attributes:
        environment: The Jinja environment, for what is not covered here.

    Raises:
        ConfigurationError: When a directory does not exist or cannot be used.
    """

    def __init__(
        self,
        directory: Directories,
        *,
        prefixes: Mapping[str, PathLike] | None = None,
        filters: Mapping[str, Callable[..., object]] | None = None,
        tests: Mapping[str, Callable[..., bool]] | None = None,
        globals: Mapping[str, object] | None = None,  # noqa: A002 - Jinja's own word
        extensions: Iterable[str | type[Extension]] = (),
        auto_reload: bool = False,
        cache_size: int = DEFAULT_CACHE_SIZE,
        max_bytes: int = DEFAULT_MAX_BYTES,
        trim_blocks: bool = False,
        lstrip_blocks: bool = False,
        bytecode_directory: PathLike | None = None,
    ) -> None:
        base = caller_directory()
        roots = [TemplateRoot(path) for path in real_directories(directory, base)]
        for prefix, path in (prefixes or {}).items():
            roots.append(TemplateRoot(real_directory(path, base), checked_prefix(prefix)))
        self._loader = TemplateLoader(roots, max_bytes=max_bytes)
        self._bytecode_directory = bytecode_directory
        self.environment = TemplateEnvironment(
            loader=self._loader,
            autoescape=True,
            undefined=LocatedUndefined,
            extensions=tuple(extensions),
            auto_reload=auto_reload,
            cache_size=cache_size,
            trim_blocks=trim_blocks,
            lstrip_blocks=lstrip_blocks,
        )
        self.environment.policies["json.dumps_function"] = json_text
        self.environment.bytecode_cache = self._bytecode_cache(is_async=False)
        self.environment.filters.update(filters or {})
        self.environment.tests.update(tests or {})
        self.environment.globals.update(globals or {})
        self._async_environment: jinja2.Environment | None = None

    @property
    def directories(self) -> tuple[Path, ...]:
        """The real paths of the directories, in the order they are searched."""
        return tuple(root.directory for root in self._loader.roots)

    def render(self, name: str, context: Mapping[str, object] | None = None) -> str:
        """Render a template.

        Args:
            name: Its name below a directory, such as `mail/welcome.html`.
            context: The variables it is given.

        Returns:
            The text.

        Raises:
            MissingTemplateError: When there is no such template.
            RefusedTemplateError: When the name or the file is not allowed.
            UndefinedVariableError: When it uses a variable that was not given.
            jinja2.TemplateSyntaxError: When it is not well-formed.
            jinja2.exceptions.SecurityError: When it reaches for something unsafe.
        """
        return self._template(self.environment, name).render(self._values(context))

    async def render_async(self, name: str, context: Mapping[str, object] | None = None) -> str:
        """Render a template that may await: coroutines that it calls, and async iterators.

        Args:
            name: Its name below a directory.
            context: The variables it is given.

        Returns:
            The text.

        Raises:
            jinja2.TemplateError: As `render` does.
        """
        template = self._template(self._async(), name)
        return await template.render_async(self._values(context))

    def render_string(self, source: str, context: Mapping[str, object] | None = None) -> str:
        """Render a template that is given as text, escaping as for files.

        Args:
            source: The template itself. Never put text from a client into it: pass that as a
                variable (CWE-1336).
            context: The variables it is given.

        Returns:
            The text.

        Raises:
            RefusedTemplateError: When it is larger than `max_bytes`.
            jinja2.TemplateError: As `render` does.
        """
        if len(source.encode("utf-8", "replace")) > self._loader.max_bytes:
            raise RefusedTemplateError(
                "<string>", f"it is larger than {self._loader.max_bytes} bytes"
            )
        return self.environment.from_string(source).render(self._values(context))

    def compile(self, name: str) -> None:
        """Read and compile a template without rendering it, to see whether it is well-formed.

        Args:
            name: Its name below a directory.

        Raises:
            MissingTemplateError: When there is no such template.
            RefusedTemplateError: When the name or the file is not allowed.
            jinja2.TemplateSyntaxError: When it is not well-formed.
        """
        self._template(self.environment, name)

    def list_templates(self) -> list[str]:
        """Return the names of the templates, sorted; at most 2000."""
        return self._loader.list_templates()

    def _template(self, environment: jinja2.Environment, name: str) -> jinja2.Template:
        if not isinstance(name, str):
            raise TypeError(f"A template is named by a str, got {type(name).__name__}.")
        return environment.get_template(name)

    def _values(self, context: Mapping[str, object] | None) -> Mapping[str, object]:
        return {} if context is None else context

    def _async(self) -> jinja2.Environment:
        # Made on first use: it compiles every template once more.
        if self._async_environment is None:
            made_by = self.environment
            environment = made_by.overlay(enable_async=True)
            # Jinja reads them only.
            environment.filters = cast("dict[str, Function]", AsyncFunctions(made_by.filters))
            environment.tests = cast("dict[str, Function]", AsyncFunctions(made_by.tests))
            environment.bytecode_cache = self._bytecode_cache(is_async=True)
            self._async_environment = environment
        return self._async_environment

    def _bytecode_cache(self, *, is_async: bool) -> jinja2.BytecodeCache | None:
        if not self._bytecode_directory:
            return None
        made_by = self.environment
        return bytecode_cache(
            Path(self._bytecode_directory),
            f"{jinja2.__version__} {type(made_by).__qualname__} {CODE_VERSION} async={is_async} "
            f"trim={made_by.trim_blocks} lstrip={made_by.lstrip_blocks} "
            f"extensions={sorted(made_by.extensions)}",
        )
