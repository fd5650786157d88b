"""flasgo-prometheus: Prometheus metrics for Flasgo apps."""

from flasgo_prometheus.access import MetricsAccess, metrics_access
from flasgo_prometheus.plugin import PrometheusPlugin

__all__ = ["MetricsAccess", "PrometheusPlugin", "metrics_access"]
