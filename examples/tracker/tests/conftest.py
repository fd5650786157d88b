"""Both apps: each test is asked of the one for FastAPI and of its port."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import fastapi
import fastapi.testclient
import flasgo
import pytest

HERE = Path(__file__).parents[1]
PACKAGES = {"before": HERE / "before" / "tracker", "after": HERE / "tracker"}
# An installed flasgo-pydantic and flasgo-sqlalchemy need no such line.
sys.path += [str(path) for path in HERE.parent.glob("plugins/*/src")]

PASSWORD = "a long password"

# `Any`: the clients of FastAPI and of Flasgo, which are the same to these tests.
Client = Any
Account = Callable[..., dict[str, str]]


def load(which: str) -> ModuleType:
    """Import a package under a name of its own: both are called `tracker`."""
    name = f"tracker_{which}"
    if name not in sys.modules:
        folder = PACKAGES[which]
        spec = importlib.util.spec_from_file_location(
            name, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(params=["before", "after"])
def tracker(request: pytest.FixtureRequest) -> Callable[[str], Any]:
    """Return a function that imports a module of the app."""
    load(request.param)
    return lambda name: importlib.import_module(f"tracker_{request.param}.{name}")


@pytest.fixture
def client(tracker: Callable[[str], Any], tmp_path: Path) -> Iterator[Client]:
    """A client of an app with an empty database."""
    settings = tracker("config").Settings(
        database_url="sqlite+aiosqlite:///:memory:",
        uploads=tmp_path / "uploads",
        largest_upload=1000,
    )
    tracker("mail").OUTBOX.clear()
    app = tracker("main").create_app(settings)
    client_class = fastapi.testclient.TestClient if is_fastapi(app) else flasgo.TestClient
    with client_class(app) as client:
        yield client


def is_fastapi(app: object) -> bool:
    return isinstance(app, fastapi.FastAPI)


@pytest.fixture
def account(client: Client) -> Account:
    """Return a function that makes an account, and returns the headers of its requests."""

    def make(name: str) -> dict[str, str]:
        email = f"{name}@tracker.example"
        new = {"email": email, "name": name.title(), "password": PASSWORD}
        assert client.post("/signup", json=new).status_code == 201
        form = {"username": email, "password": PASSWORD}
        token = client.post("/login/token", data=form).json()["access_token"]
        return {"Authorization": f"Bearer {token}"}

    return make


@pytest.fixture
def ann(account: Account) -> dict[str, str]:
    return account("ann")


@pytest.fixture
def bob(account: Account, ann: dict[str, str]) -> dict[str, str]:
    return account("bob")


@pytest.fixture
def project(client: Client, ann: dict[str, str]) -> str:
    """The path of a project of Ann's."""
    made = client.post("/projects", json={"name": "House"}, headers=ann)
    assert made.status_code == 201, made.text
    return f"/projects/{made.json()['id']}"


@pytest.fixture
def task(client: Client, ann: dict[str, str], project: str) -> str:
    """The path of a task of that project."""
    made = client.post(f"{project}/tasks", json={"title": "Paint the door"}, headers=ann)
    assert made.status_code == 201, made.text
    return f"{project}/tasks/{made.json()['id']}"
