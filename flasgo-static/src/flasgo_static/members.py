"""What this plugin adds to an app, for editors and type checkers."""

from __future__ import annotations

import os
from typing import TypedDict

__all__ = ["AppMembers", "AppOptions", "BlueprintOptions", "RequestMembers"]


class AppOptions(TypedDict, total=False):
    """Keywords of `Flasgo(...)`."""

    static_folder: str | os.PathLike[str] | None
    """The folder whose files are served at /static."""


class BlueprintOptions(TypedDict, total=False):
    """Keywords of `Blueprint(...)`."""

    static_folder: str | os.PathLike[str] | None
    """The folder whose files are served below the blueprint; relative to its module."""

    static_url_path: str | None
    """Where they are, behind the blueprint's prefix; the folder's name when left out."""


class AppMembers:
    """Contributed to `Flasgo`."""

    def configure_static(
        self,
        directory: str | os.PathLike[str],
        url_path: str | None = None,
        cache_max_age: int | None = None,
    ) -> None:
        """Serve the files of a directory; see `StaticPlugin.configure_static`."""
        raise NotImplementedError  # a declaration: the plugin contributes the method itself

    def static_url(
        self,
        filename: str,
        *,
        url_path: str | None = None,
        blueprint: str | None = None,
        _external: bool = False,
    ) -> str:
        """Return a file's URL with the hash of its content; see `StaticPlugin.static_url`."""
        raise NotImplementedError  # a declaration: the plugin contributes the method itself


class RequestMembers:
    """Contributed to `Request`: nothing."""
