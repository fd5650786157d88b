"""The plugin: what it declares, and its hooks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, cast

from flasgo import Connection, Flasgo, Registry, Response, hookimpl
from flasgo.plugin import Finding, Plugin, has_policy
from prometheus_client import CollectorRegistry, Histogram

from flasgo_prometheus.access import (
    AccessRule,
    MetricsAccess,
    metrics_access,
    network_fault,
    token_fault,
)
from flasgo_prometheus.exposition import (
    CONTENT_TYPE,
    exposition,
    forget_process,
    multiprocess_directory,
)
from flasgo_prometheus.hook_timings import HookTimings
from flasgo_prometheus.request_metrics import RequestMetrics

if TYPE_CHECKING:
    import typer

__all__ = ["PrometheusPlugin"]

_BUCKETS = tuple(bound for bound in Histogram.DEFAULT_BUCKETS if math.isfinite(bound))


class PrometheusPlugin(Plugin):
    """Measures requests and hooks, and serves the metrics to those who may read them."""

    name = "prometheus"

    _app: Flasgo
    _access: AccessRule
    _requests: RequestMetrics

    def __init__(self) -> None:
        # Of its own: two apps in one process must not count together.
        self._registry = CollectorRegistry()

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        """Declare the settings, the policy and its decorator."""
        registry.enforces(MetricsAccess)
        registry.app_method("metrics_access", metrics_access)
        registry.setting(
            "PROMETHEUS_PATH",
            str,
            default="/metrics",
            check=_path_fault,
            help="Where the metrics are served; empty for nowhere.",
        )
        registry.setting(
            "PROMETHEUS_TOKEN",
            str,
            default="",
            secret=True,
            check=token_fault,
            help="The bearer token that scrapers have to send; empty for none.",
        )
        registry.setting(
            "PROMETHEUS_ALLOWED_NETWORKS",
            set[str],
            default=set(),
            check=network_fault,
            help="The networks that scrapers connect from; empty leaves it to the token. Without "
            "either, the metrics are not served.",
        )
        registry.setting(
            "PROMETHEUS_BUCKETS",
            tuple[float, ...],
            default=_BUCKETS,
            check=_bucket_fault,
            help="The upper bounds of the histogram of request durations, in seconds.",
        )
        registry.setting(
            "PROMETHEUS_HOOK_TIMINGS",
            bool,
            default=True,
            help="Measure how long the hooks of each plugin take.",
        )

    @hookimpl
    def app_created(self, app: Flasgo) -> None:
        """Make the metrics, and add the route.

        Raises:
            PluginError: When the directory that workers share does not exist.
        """
        self._app = app
        settings = app.settings
        multiprocess_directory()
        self._access = AccessRule(
            settings.read("PROMETHEUS_TOKEN", str),
            settings.read("PROMETHEUS_ALLOWED_NETWORKS", set[str]),
        )
        self._requests = RequestMetrics(
            self._registry, settings.read("PROMETHEUS_BUCKETS", tuple[float, ...])
        )
        path = settings.read("PROMETHEUS_PATH", str)
        if path:
            app.add_route(path, self._page(), endpoint="prometheus", include_in_schema=False)
        # PERF: where this is off, no hook is wrapped.
        if settings.read("PROMETHEUS_HOOK_TIMINGS", bool):
            app.plugins.wrap_calls(HookTimings(self._registry).timed)

    @hookimpl(tryfirst=True)
    def request_started(self, request: Connection) -> None:
        """Begin before other plugins do, so that their time is counted."""
        self._requests.begin(request)

    @hookimpl(when=has_policy(MetricsAccess))
    def authorize(self, request: Connection) -> None:
        """Refuse who may not read the metrics."""
        self._access.enforce(request)

    @hookimpl(tryfirst=True)
    def request_finished(
        self, request: Connection, response: Response | None, error: Exception | None
    ) -> None:
        """Count the request, before other plugins add their time after the last byte."""
        self._requests.end(request, response)

    @hookimpl
    def app_shutdown(self, app: Flasgo) -> None:
        """Take this process out of what is in progress."""
        forget_process()

    @hookimpl
    def check_app(self, app: Flasgo, deploy: bool) -> Iterator[Finding]:
        """Report metrics that everybody can read, and metrics that nothing can read."""
        path = app.settings.read("PROMETHEUS_PATH", str)
        if not path:
            return
        if self._access.is_closed:
            yield Finding(
                "prometheus.I001",
                "info",
                f"{path} refuses every request: neither PROMETHEUS_TOKEN nor "
                "PROMETHEUS_ALLOWED_NETWORKS is set.",
                "Set one of them, or PROMETHEUS_PATH to an empty text.",
            )
        if self._access.needs_token:
            return
        wide = self._access.wide_networks()
        if wide:
            yield Finding(
                "prometheus.E001",
                "error",
                f"{path} is exposed without protection: PROMETHEUS_ALLOWED_NETWORKS allows "
                f"{', '.join(wide)}, and there is no PROMETHEUS_TOKEN.",
                "Set PROMETHEUS_TOKEN, or allow the networks of the scrapers alone.",
            )
        if deploy and self._access.allows_loopback():
            yield Finding(
                "prometheus.I002",
                "info",
                f"{path} answers loopback addresses, and a reverse proxy on this host has one.",
                "Behind such a proxy set PROMETHEUS_TOKEN, or TRUSTED_PROXIES of flasgo-security.",
            )

    @hookimpl
    def cli_commands(self, cli: typer.Typer) -> None:
        """Add `flasgo metrics`."""
        cli.command("metrics")(self._print)

    def _print(self) -> None:
        """Print the metrics of an app: of all its workers with PROMETHEUS_MULTIPROC_DIR."""
        print(exposition(self._registry).decode(), end="")
        forget_process()

    def _page(self) -> Callable[[], Response]:
        """Return the handler that answers scrapers: a function of its own, to carry the policy."""

        @metrics_access
        def prometheus() -> Response:
            # `def`: in a worker thread, for it reads files.
            return Response(
                exposition(self._registry),
                headers={"content-type": CONTENT_TYPE, "cache-control": "no-store"},
            )

        return prometheus


def _path_fault(value: object) -> str | None:
    path = str(value)
    if not path:
        return None
    if path.startswith("/") and not path.startswith("//") and not set(path) & set("<>?#\\ "):
        return None
    return "it is a path such as /metrics: it starts with one '/', and has no parameter or query"


def _bucket_fault(value: object) -> str | None:
    bounds = list(cast("Iterable[float]", value))
    if not bounds or not all(math.isfinite(bound) and bound > 0 for bound in bounds):
        return "give at least one number of seconds, each above 0"
    if bounds != sorted(set(bounds)):
        return "the bounds have to ascend"
    return None
