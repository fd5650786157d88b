"""Checks that a plugin keeps what every plugin has to keep: one line in its tests.

from flasgo_testing import conformance
from my_plugin import MyPlugin

test_plugin = conformance.suite(MyPlugin)
"""

from .cases import CASES, Case
from .faults import ConformanceError
from .subject import Subject
from .suite import check, find_faults, suite

__all__ = ["CASES", "Case", "ConformanceError", "Subject", "check", "find_faults", "suite"]
