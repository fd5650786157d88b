"""An app that uses every feature of the typed API, and the means to look at documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flasgo import Flasgo

SETTINGS = {"SECRET_KEY": "openapi-tests-only-0123456789-abcdefghij"}


@pytest.fixture
def make_app() -> Callable[..., Flasgo]:
    """Return a function that makes an app of the core alone; settings go as keywords."""

    def make(*plugins: object, **settings: Any) -> Flasgo:
        return Flasgo(plugins=plugins, discover=False, settings={**SETTINGS, **settings})

    return make


@pytest.fixture
def make_bundle_app() -> Callable[..., Flasgo]:
    """Return a function that makes an app with every plugin; settings go as keywords."""

    def make(**settings: Any) -> Flasgo:
        return Flasgo("shop", settings={**SETTINGS, **settings})

    return make
