"""Runs an app on granian, with the options of `flasgo run` that granian has."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flasgo.settings.settings import CORE_SETTINGS

if TYPE_CHECKING:
    from flasgo.app import Flasgo

__all__ = ["GranianOptions", "serve_with_granian"]

_DEFAULTS = {spec.name: spec.default for spec in CORE_SETTINGS}
# granian takes no smaller buffer for a head.
_SMALLEST_HEAD = 8192
_RESPAWN_SECONDS = 1.0


@dataclass(frozen=True)
class GranianOptions:
    """What to serve, where and how.

    Attributes:
        target: The app's target, for messages.
        load: Loads the app in a worker; it is sent to other processes.
        address: The address to listen on.
        port: The port.
        workers: The number of processes.
        reload_folders: What to watch; None without reloading.
        access_log: Whether requests are logged.
        log_level: critical, error, warning, info or debug.
        grace: How long workers may take to stop, in seconds.
    """

    target: str
    load: Callable[[], Flasgo]
    address: str
    port: int
    workers: int
    reload_folders: Sequence[Path] | None
    access_log: bool
    log_level: str
    grace: int


def serve_with_granian(options: GranianOptions, app: Flasgo | None) -> None:
    """Serve until the process is told to stop.

    Args:
        options: What to serve, where and how.
        app: The app, for its settings; None where only workers import it.

    Raises:
        SystemExit: With status 1 when a worker cannot be started.
    """
    from granian import Granian
    from granian.constants import Interfaces
    from granian.errors import ConfigurationError as UnfitOptions
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    settings: Any = _DEFAULTS if app is None else app.settings
    limits = HTTP1Settings(
        header_read_timeout=max(1, int(settings["REQUEST_READ_TIMEOUT_SECONDS"] * 1000)),
        max_buffer_size=max(_SMALLEST_HEAD, settings["MAX_REQUEST_HEAD_BYTES"]),
    )
    watched: dict[str, Any] = {}
    if options.reload_folders is not None:
        watched = {
            "reload": True,
            "reload_paths": list(options.reload_folders),
            "reload_ignore_worker_failure": True,
        }
    try:
        server = Granian(
            options.target,
            options.address,
            options.port,
            interface=Interfaces.ASGI,
            workers=options.workers,
            log_level=LogLevels(options.log_level),
            log_access=options.access_log,
            http1_settings=limits,
            respawn_failed_workers=options.reload_folders is None,
            respawn_interval=_RESPAWN_SECONDS,
            workers_kill_timeout=max(1, options.grace),
            **watched,
        )
        server.serve(target_loader=options.load, wrap_loader=False)
    except UnfitOptions as error:
        sys.exit(f"Error: granian does not take these options: {error}")
