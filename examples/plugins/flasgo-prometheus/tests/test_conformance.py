"""Flasgo's conformance kit: hostile cases that every plugin has to pass."""

from flasgo_prometheus import MetricsAccess, PrometheusPlugin
from flasgo_testing import conformance

TOKEN = "a-token-for-these-tests-only"

test_conformance = conformance.suite(
    PrometheusPlugin,
    policies=[MetricsAccess()],
    settings={"PROMETHEUS_TOKEN": TOKEN},
    headers={"authorization": f"Bearer {TOKEN}"},
)
