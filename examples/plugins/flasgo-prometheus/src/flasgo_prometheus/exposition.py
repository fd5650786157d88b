"""The text that Prometheus reads: of this process, or of all worker processes."""

from __future__ import annotations

import os
from pathlib import Path

from flasgo.plugin import PluginError
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest, multiprocess

__all__ = ["CONTENT_TYPE", "exposition", "forget_process", "multiprocess_directory"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"


def multiprocess_directory() -> str | None:
    """Return the directory that worker processes share, or None where there is one process.

    prometheus-client reads the same environment variable when it is imported.

    Raises:
        PluginError: When the directory does not exist.
    """
    directory = os.environ.get(_DIRECTORY)
    if directory and not Path(directory).is_dir():
        raise PluginError(
            f"{_DIRECTORY}={directory!r} is not a directory. Make it before the workers start, "
            "empty, or unset the variable.",
            plugin="prometheus",
        )
    return directory or None


def exposition(registry: CollectorRegistry) -> bytes:
    """Return the metrics of an app, and those of prometheus-client's own registry.

    The latter has the process, the interpreter, and what the app defines with `Counter(...)`.

    Args:
        registry: The registry of the app.
    """
    combined = CollectorRegistry()
    directory = multiprocess_directory()
    if directory is not None:
        multiprocess.MultiProcessCollector(combined, directory)  # type: ignore[no-untyped-call]
    else:
        combined.register(registry)
        combined.register(REGISTRY)
    return generate_latest(combined)


def forget_process() -> None:
    """Take the gauges of this process out of the shared directory, for it ends."""
    if multiprocess_directory() is not None:
        multiprocess.mark_process_dead(os.getpid())  # type: ignore[no-untyped-call]
