"""The plugin: what it declares, and whether there is anything to do."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import cast

from flasgo import Flasgo, Registry, hookimpl
from flasgo.plugin import Finding, Plugin, PluginError
from opentelemetry import trace
from opentelemetry.trace import ProxyTracerProvider, TracerProvider

from flasgo_opentelemetry.hook_spans import HookSpans
from flasgo_opentelemetry.tracing import Tracing

__all__ = ["OpenTelemetryPlugin"]


class OpenTelemetryPlugin(Plugin):
    """Traces requests, WebSockets, handlers, hooks and background tasks."""

    name = "opentelemetry"

    _registry: Registry

    def __init__(self) -> None:
        self._is_active = False

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        """Declare the settings and the option."""
        self._registry = registry
        registry.setting(
            "OPENTELEMETRY_EXCLUDED_PATHS",
            set[str],
            default=set(),
            check=_path_fault,
            help="Paths of requests that are not traced; /static/* is all that is below.",
        )
        registry.setting(
            "OPENTELEMETRY_HOOK_SPANS",
            bool,
            default=True,
            help="Make a span for each call of a request hook, with its plugin.",
        )
        registry.setting(
            "OPENTELEMETRY_CONTINUE_TRACES",
            bool,
            default=True,
            help="Go on with the trace that a request brings (traceparent). Where it is off, a "
            "new trace is linked to it: for apps that strangers send requests to.",
        )
        registry.setting(
            "OPENTELEMETRY_TRACERESPONSE",
            bool,
            default=False,
            help="Send the trace of each request to the client, in the header traceresponse.",
        )
        registry.setting(
            "OPENTELEMETRY_RECORD_EXCEPTIONS",
            bool,
            default=True,
            help="Put messages and tracebacks of exceptions into spans, not only their types.",
        )
        registry.option(
            "tracer_provider", help="The tracer provider; else OpenTelemetry's global one."
        )

    @hookimpl
    def app_created(self, app: Flasgo) -> None:
        """Add the hooks, where there is a tracer provider.

        PERF: without one nothing is added, and no request meets any of this.
        """
        provider = _provider(app.options["tracer_provider"])
        if provider is None:
            return
        self._is_active = True
        tracer = trace.get_tracer("flasgo_opentelemetry", "0.1.0", tracer_provider=provider)
        read = app.settings.read
        self._registry.component(
            "tracing",
            Tracing(
                tracer,
                read("OPENTELEMETRY_EXCLUDED_PATHS", set[str]),
                continues_traces=read("OPENTELEMETRY_CONTINUE_TRACES", bool),
                tells_traces=read("OPENTELEMETRY_TRACERESPONSE", bool),
                records_exceptions=read("OPENTELEMETRY_RECORD_EXCEPTIONS", bool),
            ),
        )
        if read("OPENTELEMETRY_HOOK_SPANS", bool):
            app.plugins.wrap_calls(HookSpans(tracer, self.name).traced)

    @hookimpl
    def check_app(self, app: Flasgo, deploy: bool) -> Iterator[Finding]:
        """Report that nothing is traced."""
        if not self._is_active:
            yield Finding(
                "opentelemetry.I001",
                "info",
                "Nothing is traced: there was no tracer provider when the app was created.",
                "Call opentelemetry.trace.set_tracer_provider(...) before Flasgo(...), give "
                "Flasgo(tracer_provider=...), or take the plugin away.",
            )


def _provider(given: object) -> TracerProvider | None:
    """Return the tracer provider of an app, or None where nothing is traced."""
    if given is None:
        found = trace.get_tracer_provider()
        # What stands for a provider until there is one.
        return None if isinstance(found, ProxyTracerProvider) else found
    if not isinstance(given, TracerProvider):
        raise PluginError(
            f"Flasgo(tracer_provider=...) was given {given!r}. Give it a TracerProvider, such as "
            "that of opentelemetry.sdk.trace.",
            plugin="opentelemetry",
        )
    return given


def _path_fault(value: object) -> str | None:
    for path in sorted(cast("Collection[str]", value)):
        if not path.startswith("/") or "*" in path[:-1]:
            return f"{path!r} is no path such as /healthz or /static/*"
    return None
