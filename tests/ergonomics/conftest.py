"""Apps for the tests of names that other frameworks have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flasgo import Flasgo


@pytest.fixture
def make_app() -> Callable[..., Flasgo]:
    def make(**options: Any) -> Flasgo:
        settings = {"SECRET_KEY": "for-tests-only-0123456789-abcdefghij"}
        settings |= options.pop("settings", {})
        return Flasgo(settings=settings, **options)

    return make
