"""Session stores that plugins bring: `registry.session_store` (PLUG-11)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from flasgo import ConfigurationError, Flasgo, PluginError, SettingError, hookimpl
from flasgo_security import SecurityPlugin


class Shelf:
    """Keeps sessions in a dict."""

    errors = (ConnectionError,)

    def __init__(self, uri: str, prefix: str) -> None:
        self.uri, self.prefix = uri, prefix
        self.kept: dict[str, dict[str, bytes]] = {}
        self.is_down = self.is_closed = False

    async def load(self, identifier: str) -> dict[str, bytes]:
        if self.is_down:
            raise ConnectionError("down")
        return dict(self.kept.get(identifier, {}))

    async def merge(
        self,
        identifier: str,
        changed: Mapping[str, bytes],
        removed: Iterable[str],
        *,
        lifetime: int,
        create: bool,
    ) -> int:
        if not create and identifier not in self.kept:
            return -1
        fields = self.kept.setdefault(identifier, {})
        fields.update(changed)
        for name in removed:
            fields.pop(name, None)
        return len(fields)

    async def take(self, identifier: str, *, successor: str | None = None) -> dict[str, bytes]:
        return self.kept.pop(identifier, {})

    async def close(self) -> None:
        self.is_closed = True


def bringing(factory: Any, scheme: Any = "shelf") -> Any:
    """Return a plugin that brings a session store, under a name that comes after security's."""

    class Stores:
        name = "stores"

        @hookimpl
        def plugin_setup(self, registry: Any) -> None:
            registry.session_store(scheme, factory)

    return Stores()


def make(factory: Any, uri: str | None = "shelf://there", scheme: Any = "shelf") -> Flasgo:
    settings = {"SECRET_KEY": "for-tests-only-0123456789-abcdefghij"}
    if uri is not None:
        settings["SESSION_STORE_URI"] = uri
    app = Flasgo(
        settings=settings, plugins=[SecurityPlugin, bringing(factory, scheme)], discover=False
    )

    @app.get("/count")
    async def count(request: Any) -> str:
        request.session["n"] = request.session.get("n", 0) + 1
        return str(request.session["n"])

    return app


def test_sessions_are_kept_in_the_store(connect):
    shelves: list[Shelf] = []

    def factory(uri: str, prefix: str) -> Shelf:
        shelves.append(Shelf(uri, prefix))
        return shelves[-1]

    with connect(make(factory)) as client:
        assert [client.get("/count").text for _ in range(3)] == ["1", "2", "3"]
        [shelf] = shelves
        assert (shelf.uri, shelf.prefix) == ("shelf://there", "flasgo:session:")
        assert len(shelf.kept) == 1
        shelf.is_down = True
        assert client.get("/count").status_code == 503
    assert shelf.is_closed


def test_it_is_not_made_where_it_is_not_asked_for(connect):
    app = make(lambda uri, prefix: pytest.fail("made"), uri=None)
    assert connect(app).get("/count").text == "1"


@pytest.mark.parametrize(
    ("factory", "uri", "scheme", "error", "message"),
    [
        (Shelf, "shelves://x", "shelf", SettingError, "must be one of redis, .*, shelf:"),
        (lambda uri, prefix: object(), "shelf://x", "shelf", Exception, "no async load, merge"),
        (Shelf, None, "Shelf://", PluginError, "the scheme 'Shelf://'; give one in lower case"),
        (5, None, "shelf", PluginError, "'shelf' was given 5; give a function"),
    ],
)
def test_misuse_is_an_error_at_set_up(factory, uri, scheme, error, message):
    with pytest.raises(error, match=message):
        make(factory, uri, scheme)


def test_a_missing_store_names_the_setting():
    assert issubclass(ConfigurationError, Exception)
    with pytest.raises(ConfigurationError, match="session store of SESSION_STORE_URI, object, has"):
        make(lambda uri, prefix: object())
