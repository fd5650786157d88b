"""An app of the core alone, and a client for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flasgo import Flasgo
from flasgo_testing import TestClient

from tests.conftest import Connect


@pytest.fixture
def app(make_app: Callable[..., Flasgo]) -> Flasgo:
    """An app of the core alone."""
    return make_app()


@pytest.fixture
def client(app: Flasgo, connect: Connect) -> TestClient:
    """A client that shows the answers to errors instead of raising them."""
    return connect(app)
