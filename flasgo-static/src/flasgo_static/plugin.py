"""The plugin that serves static files."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from flasgo import (
    BuildError,
    ConfigurationError,
    Connection,
    Flasgo,
    Registry,
    Response,
    has_policy,
    hookimpl,
)
from flasgo.plugin import PlacedBlueprint, Plugin

from flasgo_static.fingerprints import Fingerprints
from flasgo_static.folder import StaticFolder
from flasgo_static.handler import StaticHandler, static_handler
from flasgo_static.location import (
    caller_directory,
    checked_url_path,
    locate_folder,
    url_path_problem,
)
from flasgo_static.policy import StaticFiles

__all__ = ["StaticPlugin"]

_logger = logging.getLogger("flasgo.static")

_DEFAULT_MAX_AGE = 3600


class _Served(NamedTuple):
    """A folder that is served, and how."""

    endpoint: str
    folder: StaticFolder
    fingerprints: Fingerprints


class StaticPlugin(Plugin):
    """Contributes `Flasgo(static_folder=...)`, `app.configure_static` and `app.static_url`."""

    name = "static"

    def __init__(self) -> None:
        self._served: dict[str, _Served] = {}  # by the path at which they are
        self._of_blueprints: dict[str, _Served] = {}  # by the blueprint's full name

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        """Declare the settings, the keyword and the method."""
        registry.setting(
            "STATIC_URL_PATH",
            str,
            default="/static",
            help="The URL path under which static files are served.",
            check=url_path_problem,
        )
        registry.setting(
            "STATIC_CACHE_MAX_AGE",
            int | None,
            default=None,
            help="Seconds that clients may keep static files; None is 3600, and 0 in DEBUG.",
            check=_max_age_problem,
        )
        registry.option("static_folder", help="The folder whose files are served at /static.")
        registry.blueprint_option("static_folder", self._take_folder)
        registry.blueprint_option("static_url_path", _check_blueprint_path)
        registry.app_method("configure_static", self.configure_static)
        registry.app_method("static_url", self.static_url)
        registry.enforces(StaticFiles)

    @hookimpl
    def app_created(self, app: Flasgo) -> None:
        """Serve the folder given to `Flasgo(...)`."""
        self._app = app
        static_folder = app.options["static_folder"]
        if static_folder is not None:
            self.configure_static(static_folder)

    @hookimpl(optionalhook=True)
    def template_globals(self) -> dict[str, object]:
        """Let templates use `static_url`, where templates are installed."""
        return {"static_url": self.static_url}

    @hookimpl(trylast=True, when=has_policy(StaticFiles))
    def response_finalize(self, request: Connection, response: Response) -> None:
        """Keep a file out of shared caches once the answer belongs to one client.

        SECURITY: an answer that sets a cookie, or varies by one, must not be stored for others
        (CWE-524), although the file itself is public.
        """
        headers = response.headers
        if "set-cookie" not in headers and "cookie" not in headers.get("vary", "").lower():
            return
        cache_control = headers.get("cache-control", "")
        if cache_control.startswith("public"):
            headers["cache-control"] = "private" + cache_control.removeprefix("public")

    def configure_static(
        self,
        directory: str | os.PathLike[str],
        url_path: str | None = None,
        cache_max_age: int | None = None,
    ) -> None:
        """Serve the files of a directory.

        Args:
            directory: The directory. A relative path is relative to the calling file's directory
                if that holds such a directory, else to the working directory. It need not exist
                yet; a warning is logged then.
            url_path: Where its files appear; the setting `STATIC_URL_PATH` by default.
            cache_max_age: Seconds that clients may keep a file without asking; the setting
                `STATIC_CACHE_MAX_AGE` by default.

        Raises:
            ConfigurationError: If an argument is not of this kind.
            RouteError: If the URL path is in use.
        """
        prefix = self._prefix(url_path)
        is_default = prefix == self._prefix(None)
        endpoint = "static" if is_default else f"static:{prefix}"
        path = locate_folder(directory, caller_directory())
        served, handler = self._serve(path, prefix, endpoint, cache_max_age)
        self._app.add_route(
            f"{prefix}/<path:filename>",
            handler,
            methods=("GET", "HEAD"),
            endpoint=endpoint,
            include_in_schema=False,
        )
        self._served[prefix] = served

    def _serve(
        self, path: Path, prefix: str, endpoint: str, max_age: int | None = None
    ) -> tuple[_Served, StaticHandler]:
        """Return a folder as it is to be served, and the handler of its route."""
        if not path.is_dir():
            _logger.warning(
                "The static folder %s does not exist. Create it, and its files appear at %s/.",
                path,
                prefix,
            )
        folder = StaticFolder(path)
        fingerprints = Fingerprints(folder)
        handler = static_handler(folder, self._max_age(max_age), fingerprints)
        return _Served(endpoint, folder, fingerprints), handler

    def _take_folder(
        self, placed: PlacedBlueprint, directory: str | os.PathLike[str] | None
    ) -> Callable[[], None] | None:
        """Serve the folder of a blueprint: `Blueprint(..., static_folder=...)`."""
        if directory is None:
            return None
        path = locate_folder(directory, placed.folder)
        where = placed.options.get("static_url_path")
        url_path = checked_url_path(
            f"/{path.name}" if where is None else str(where),
            f"The static_url_path of the blueprint {placed.name!r}",
        )
        endpoint = f"{placed.name}.static"
        served, handler = self._serve(path, placed.prefix + url_path, endpoint)
        placed.add_route(
            f"{url_path}/<path:filename>",
            handler,
            ("GET", "HEAD"),
            endpoint="static",
            include_in_schema=False,
        )
        return partial(self._of_blueprints.__setitem__, placed.name, served)

    def static_url(
        self,
        filename: str,
        *,
        url_path: str | None = None,
        blueprint: str | None = None,
        _external: bool = False,
    ) -> str:
        """Return the URL of a file, with a hash of its content in it.

        `static_url("css/app.css")` is `/static/css/app.<hash>.css`: clients keep it for a year
        without asking, and a file that changes has another URL.

        Args:
            filename: The file's path in the folder.
            url_path: The `url_path` of the folder; the setting `STATIC_URL_PATH` by default.
            blueprint: The full name of the blueprint whose folder it is, in place of `url_path`.
            _external: Whether to return an absolute URL, as for `app.url_for`.

        Returns:
            The URL. That of a file which is not there has no hash; it is logged, because a page
            without a picture is better than no page.

        Raises:
            BuildError: If no folder is served there; in `DEBUG`, if there is no such file.
        """
        served = self._find(filename, url_path, blueprint)
        name = served.fingerprints.name_of(filename)
        if name is None:
            self._note_missing(filename, served)
            name = filename
        return self._app.url_for(served.endpoint, _external=_external, filename=name)

    def _find(self, filename: str, url_path: str | None, blueprint: str | None) -> _Served:
        if blueprint is not None:
            served = self._of_blueprints.get(blueprint)
            missing = (
                f"no blueprint {blueprint!r} serves a folder; write "
                "Blueprint(..., static_folder=...)."
            )
        else:
            prefix = self._prefix(url_path)
            served = self._served.get(prefix)
            missing = (
                f"no folder is served at {prefix or '/'}; write Flasgo(static_folder=...) or "
                f"app.configure_static(..., url_path={prefix!r})."
            )
        if served is None:
            raise BuildError(f"static_url({filename!r}): {missing}", endpoint="static")
        return served

    def _note_missing(self, filename: str, served: _Served) -> None:
        message = f"static_url({filename!r}): no such file is served from {served.folder.path}."
        if self._app.debug:
            raise BuildError(f"{message} Check the path.", endpoint=served.endpoint)
        _logger.warning("%s", message)

    def _prefix(self, url_path: str | None) -> str:
        given = self._app.settings.STATIC_URL_PATH if url_path is None else url_path
        return checked_url_path(given, "The static url_path")

    def _max_age(self, given: int | None) -> int:
        if given is not None:
            problem = _max_age_problem(given)
            if problem is not None:
                raise ConfigurationError(f"cache_max_age is {given!r}: {problem}")
            return given
        configured = self._app.settings.STATIC_CACHE_MAX_AGE
        if configured is not None:
            return configured
        # An edited stylesheet has to be seen after a reload.
        return 0 if self._app.debug else _DEFAULT_MAX_AGE


def _check_blueprint_path(placed: PlacedBlueprint, url_path: str | None) -> None:
    if url_path is not None and placed.options.get("static_folder") is None:
        raise ConfigurationError(
            f"The blueprint {placed.name!r} has a static_url_path and no static_folder; give both."
        )


def _max_age_problem(value: object) -> str | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return None
    return "it must be a number of seconds, 0 or more."
