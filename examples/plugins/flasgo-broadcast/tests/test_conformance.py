"""Flasgo's conformance kit: hostile cases that every plugin has to pass."""

from flasgo_broadcast import BroadcastPlugin
from flasgo_testing import conformance

test_conformance = conformance.suite(BroadcastPlugin)
