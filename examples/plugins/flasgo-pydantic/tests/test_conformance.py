"""Flasgo's conformance kit: hostile cases that every plugin has to pass."""

from flasgo_pydantic import PydanticPlugin
from flasgo_testing import conformance

test_conformance = conformance.suite(PydanticPlugin)
