"""flasgo-opentelemetry: OpenTelemetry traces of Flasgo apps."""

from flasgo_opentelemetry.plugin import OpenTelemetryPlugin
from flasgo_opentelemetry.propagation import trace_headers

__all__ = ["OpenTelemetryPlugin", "trace_headers"]
