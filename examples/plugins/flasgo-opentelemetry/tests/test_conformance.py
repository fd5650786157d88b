"""Flasgo's conformance kit: hostile cases that every plugin has to pass."""

from flasgo_opentelemetry import OpenTelemetryPlugin
from flasgo_testing import conformance
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

# The global one, so that the kit meets a plugin that is at work.
trace.set_tracer_provider(TracerProvider())

test_conformance = conformance.suite(OpenTelemetryPlugin)
