"""Annotations that are no strings: evaluated at once, or on demand since Python 3.14."""

from typing import Annotated, Any

import msgspec
from flasgo import Depends, Flasgo, Query
from flasgo_testing import TestClient


def test_classes_defined_later_are_found(app: Flasgo) -> None:
    # `Later` is not there yet when the function is defined: a string up to 3.13, deferred in 3.14.
    async def handler(later: "Later", page: Annotated["int", Query()] = 1) -> "Later":
        return later

    class Later(msgspec.Struct):
        text: str

    app.add_route("/", handler, ["POST"])
    operation = app.openapi_spec()["paths"]["/"]["post"]
    body: Any = operation["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/Later"}
    assert operation["responses"]["200"]["content"]["application/json"]["schema"] == body


def test_annotations_of_wrapped_and_bound_callables(app: Flasgo, client: TestClient) -> None:
    class Views:
        def __init__(self, factor: int) -> None:
            self.factor = factor

        async def show(self, number: int) -> list[int]:
            return [number * self.factor]

        async def __call__(self, number: int) -> list[int]:
            return [number + self.factor]

    views = Views(3)
    app.add_route("/bound", views.show)
    app.add_route("/called", views, endpoint="called")

    async def handler(product: Annotated[list[int], Depends(views.show)]) -> list[int]:
        return product

    app.add_route("/dependency", handler)
    assert client.get("/bound?number=2").json() == [6]
    assert client.get("/called?number=2").json() == [5]
    assert client.get("/dependency?number=4").json() == [12]
    assert client.get("/called?number=x").status_code == 422
