"""`flasgo version`: what is installed."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version as version_of

from flasgo.cli.loading import JsonOption
from flasgo.cli.output import facts, write, write_json
from flasgo.plugins.discovery import installed_plugins

__all__ = ["version"]

_SERVERS = ("uvicorn", "granian", "hypercorn")


def version(*, as_json: JsonOption = False) -> None:
    """Show the versions of Flasgo and what it uses.

    Those of Python, the installed plugins and the servers are listed too.
    """
    from flasgo import __version__

    found = {"flasgo-core": __version__, "Python": platform.python_version()}
    for candidate in installed_plugins():
        found[candidate.distribution] = candidate.version
    for server in _SERVERS:
        try:
            found[server] = version_of(server)
        except PackageNotFoundError:
            continue
    if as_json:
        write_json(found)
    else:
        write(facts(found, indent=""))
