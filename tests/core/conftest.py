"""Apps of the core alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flasgo import Flasgo

from tests.asgi import Driver, LifespanDriver


@pytest.fixture
def drive() -> Callable[[Flasgo], Driver]:
    """Return a function that makes a driver for an app."""
    return Driver


@pytest.fixture
def lifespan() -> Callable[[Flasgo], LifespanDriver]:
    """Return a function that makes a lifespan driver for an app."""
    return LifespanDriver


@pytest.fixture
def make_app() -> Callable[..., Flasgo]:
    """Return a function that makes an app of the core alone; plugins go as positional arguments."""

    def make(*plugins: object, **options: Any) -> Flasgo:
        settings = {
            "SECRET_KEY": "for-tests-only-0123456789-abcdefghij",
            **options.pop("settings", {}),
        }
        return Flasgo(plugins=plugins, discover=False, settings=settings, **options)

    return make
