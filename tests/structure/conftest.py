"""Apps of the core alone, and a client for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from flasgo import Flasgo, Policy, Registry, Request, Response, hookimpl
from flasgo_testing import TestClient

from tests.conftest import Connect

SECRET_KEY = "for-tests-only-0123456789-abcdefghij"


@dataclass(frozen=True)
class Named(Policy):
    """A policy that the `Witness` enforces by noting it."""

    name: str


@dataclass
class Witness:
    """A plugin that notes the policies it meets, stamps responses, and refuses where told to."""

    name: str = "witness"
    seen: list[tuple[str, ...]] = field(default_factory=list)
    finished: list[tuple[str, int | None, str | None]] = field(default_factory=list)
    refuse: bool = False

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        registry.enforces(Named)

    @hookimpl
    def authorize(self, request: Request) -> Response | None:
        assert request.route is not None
        self.seen.append(tuple(policy.name for policy in request.route.policies_of(Named)))
        return Response.text("refused", status_code=403) if self.refuse else None

    @hookimpl
    def response_finalize(self, request: Request, response: Response) -> None:
        response.headers["x-finalized"] = str(response.status_code)

    @hookimpl
    def request_finished(
        self, request: Request, response: Response | None, error: Exception | None
    ) -> None:
        status = None if response is None else response.status_code
        self.finished.append((request.path, status, type(error).__name__ if error else None))


@pytest.fixture
def witness() -> Witness:
    return Witness()


@pytest.fixture
def app(witness: Witness) -> Flasgo:
    """An app of the core with the witness."""
    return Flasgo(plugins=[witness], discover=False, settings={"SECRET_KEY": SECRET_KEY})


@pytest.fixture
def make_app() -> Callable[..., Flasgo]:
    """Return a function that makes an app of the core alone; plugins go as arguments."""

    def make(*plugins: object, **settings: Any) -> Flasgo:
        return Flasgo(
            plugins=plugins, discover=False, settings={"SECRET_KEY": SECRET_KEY, **settings}
        )

    return make


@pytest.fixture
def client(app: Flasgo, connect: Connect) -> TestClient:
    """A client that shows the answers to failures rather than raising them."""
    return connect(app)
