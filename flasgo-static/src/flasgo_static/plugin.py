"""The plugin that serves static files."""

from __future__ import annotations

import logging
import os
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
from flasgo.plugin import Plugin

from flasgo_static.fingerprints import Fingerprints
from flasgo_static.folder import StaticFolder
from flasgo_static.handler import static_handler
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
        self._served: dict[str, _Served] = {}

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
        path = locate_folder(directory, caller_directory())
        prefix = self._prefix(url_path)
        max_age = self._max_age(cache_max_age)
        if not path.is_dir():
            _logger.warning(
                "The static folder %s does not exist. Create it, and its files appear at %s/.",
                path,
                prefix,
            )
        is_default = prefix == self._prefix(None)
        endpoint = "static" if is_default else f"static:{prefix}"
        folder = StaticFolder(path)
        fingerprints = Fingerprints(folder)
        self._app.add_route(
            f"{prefix}/<path:filename>",
            static_handler(folder, max_age, fingerprints),
            methods=("GET", "HEAD"),
            endpoint=endpoint,
            include_in_schema=False,
        )
        self._served[prefix] = _Served(endpoint, folder, fingerprints)

    def static_url(
        self, filename: str, *, url_path: str | None = None, _external: bool = False
    ) -> str:
        """Return the URL of a file, with a hash of its content in it.

        `static_url("css/app.css")` is `/static/css/app.<hash>.css`: clients keep it for a year
        without asking, and a file that changes has another URL.

        Args:
            filename: The file's path in the folder.
            url_path: The `url_path` of the folder; the setting `STATIC_URL_PATH` by default.
            _external: Whether to return an absolute URL, as for `app.url_for`.

        Returns:
            The URL. That of a file which is not there has no hash; it is logged, because a page
            without a picture is better than no page.

        Raises:
            BuildError: If no folder is served there; in `DEBUG`, if there is no such file.
        """
        prefix = self._prefix(url_path)
        served = self._served.get(prefix)
        if served is None:
            raise BuildError(
                f"static_url({filename!r}): no folder is served at {prefix or '/'}; write "
                f"Flasgo(static_folder=...) or app.configure_static(..., url_path={prefix!r}).",
                endpoint="static",
            )
        name = served.fingerprints.name_of(filename)
        if name is None:
            self._note_missing(filename, served)
            name = filename
        return self._app.url_for(served.endpoint, _external=_external, filename=name)

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


def _max_age_problem(value: object) -> str | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return None
    return "it must be a number of seconds, 0 or more."
