"""A small JSON API in memory: typed in, typed out, and described at /docs.

Start it with `flasgo run`; set WIDGETS_TOKEN to a secret of yours to be able to delete widgets.
"""

import hmac
import itertools
import os
import threading
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated

import msgspec
from flasgo import (
    Depends,
    Flasgo,
    HasScope,
    Path,
    Query,
    Response,
    User,
    abort,
    bearer_token_backend,
)

MAX_WIDGETS = 1000

app = Flasgo(
    "widgets",
    settings={
        "ENABLE_DOCS": True,
        "API_TITLE": "Widgets",
        "API_VERSION": "1.0.0",
        "API_DESCRIPTION": "Parts for machines, kept in memory until the next restart.",
    },
)


class Kind(Enum):
    """What a widget does in a machine."""

    GEAR = "gear"
    SPRING = "spring"
    VALVE = "valve"


Name = Annotated[str, msgspec.Meta(min_length=1, max_length=80, examples=["Planetary gear"])]
Tag = Annotated[str, msgspec.Meta(min_length=1, max_length=20)]


class NewWidget(msgspec.Struct, forbid_unknown_fields=True):
    """What a client sends."""

    name: Name
    clearance: Annotated[
        Decimal,
        msgspec.Meta(description="In millimetres, negative for a tight fit.", examples=["0.05"]),
    ]
    kind: Kind = Kind.GEAR
    tags: Annotated[list[Tag], msgspec.Meta(max_length=10)] = []


class Widget(msgspec.Struct):
    """What a client gets."""

    id: int
    name: str
    clearance: Decimal
    kind: Kind
    tags: list[str]
    created: datetime


class StoredWidget(Widget):
    """What is kept. No client sees the cost: `response_model=Widget` leaves it behind."""

    cost: int


class Page(msgspec.Struct):
    """Some widgets of many."""

    total: int
    widgets: list[Widget]


class Store:
    """Widgets by number."""

    def __init__(self) -> None:
        self._widgets: dict[int, StoredWidget] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def find(self, name: str, kind: Kind | None) -> list[StoredWidget]:
        """Return the widgets whose name contains a text, oldest first."""
        with self._lock:
            widgets = list(self._widgets.values())
        return [
            widget
            for widget in widgets
            if name.lower() in widget.name.lower() and kind in (None, widget.kind)
        ]

    def get(self, number: int) -> StoredWidget | None:
        """Return a widget, or None."""
        return self._widgets.get(number)

    def add(self, new: NewWidget) -> StoredWidget | None:
        """Keep a new widget; None when there is no room."""
        with self._lock:
            if len(self._widgets) >= MAX_WIDGETS:
                return None
            widget = _stored(next(self._numbers), new, datetime.now(UTC))
            self._widgets[widget.id] = widget
            return widget

    def replace(self, old: StoredWidget, new: NewWidget) -> StoredWidget:
        """Put new values in an old widget's place."""
        widget = _stored(old.id, new, old.created)
        with self._lock:
            self._widgets[widget.id] = widget
        return widget

    def remove(self, number: int) -> None:
        """Forget a widget."""
        with self._lock:
            self._widgets.pop(number, None)


def _stored(number: int, new: NewWidget, created: datetime) -> StoredWidget:
    return StoredWidget(
        id=number,
        name=new.name,
        clearance=new.clearance,
        kind=new.kind,
        tags=new.tags,
        created=created,
        cost=1,
    )


STORE = Store()


async def current_store() -> Store:
    """The store of this process; tests put another one in its place."""
    return STORE


CurrentStore = Annotated[Store, Depends(current_store)]


async def known_widget(
    widget_id: Annotated[int, Path(description="The widget's number.")], store: CurrentStore
) -> StoredWidget:
    """The widget of the path."""
    widget = store.get(widget_id)
    if widget is None:
        abort(404, "There is no such widget.")
    return widget


KnownWidget = Annotated[StoredWidget, Depends(known_widget)]


async def _operator(token: str) -> User | None:
    expected = os.environ.get("WIDGETS_TOKEN", "")
    if expected and hmac.compare_digest(token.encode(), expected.encode()):
        return User(id="operator", scopes=frozenset({"widgets:delete"}))
    return None


app.register_auth_backend("token", bearer_token_backend(_operator))


@app.get("/widgets", tags=["widgets"], response_model=Page)
async def list_widgets(
    store: CurrentStore,
    name: Annotated[str, Query(description="Only widgets whose name contains this.")] = "",
    kind: Kind | None = None,
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20,
    offset: Annotated[int, msgspec.Meta(ge=0)] = 0,
) -> Page:
    """List widgets, oldest first.

    Args:
        limit: How many at most.
        offset: How many to skip.
    """
    found = store.find(name, kind)
    return Page(total=len(found), widgets=list(found[offset : offset + limit]))


@app.post(
    "/widgets",
    tags=["widgets"],
    response_model=Widget,
    status_code=201,
    responses={507: "There is no room for another widget."},
)
@app.ratelimit(600, per=60)
async def create_widget(
    widget: NewWidget, store: CurrentStore
) -> tuple[StoredWidget, int, dict[str, str]]:
    """Add a widget.

    Example:
        {"name": "Planetary gear", "clearance": "0.05", "kind": "gear", "tags": ["steel"]}
    """
    stored = store.add(widget)
    if stored is None:
        abort(507, "There is no room for another widget; delete one first.")
    return stored, 201, {"location": app.url_for("get_widget", widget_id=stored.id)}


@app.get("/widgets/<int:widget_id>", tags=["widgets"], response_model=Widget)
async def get_widget(widget: KnownWidget) -> StoredWidget:
    """Show a widget."""
    return widget


@app.put("/widgets/<int:widget_id>", tags=["widgets"], response_model=Widget)
async def replace_widget(widget: KnownWidget, new: NewWidget, store: CurrentStore) -> StoredWidget:
    """Give a widget new values."""
    return store.replace(widget, new)


@app.delete("/widgets/<int:widget_id>", tags=["widgets"])
@app.authorize(HasScope("widgets:delete"), backend="token")
async def delete_widget(widget: KnownWidget, store: CurrentStore) -> None:
    """Remove a widget."""
    store.remove(widget.id)


@app.get("/", include_in_schema=False)
async def home() -> Response:
    """Lead people to the documentation."""
    return Response.redirect("/docs")


if __name__ == "__main__":
    app.run()
