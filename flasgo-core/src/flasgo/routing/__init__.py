"""Routing: `(method, path) -> Match`, and back from an endpoint to its URL. Pure, without I/O."""

from flasgo.routing.converters import (
    Converter,
    FloatConverter,
    IntConverter,
    PathConverter,
    StringConverter,
    UUIDConverter,
)
from flasgo.routing.hosts import routed_host
from flasgo.routing.paths import is_clean_path
from flasgo.routing.route import WEBSOCKET, Match, Route
from flasgo.routing.router import Router, TrailingSlash

__all__ = [
    "WEBSOCKET",
    "Converter",
    "FloatConverter",
    "IntConverter",
    "Match",
    "PathConverter",
    "Route",
    "Router",
    "StringConverter",
    "TrailingSlash",
    "UUIDConverter",
    "is_clean_path",
    "routed_host",
]
