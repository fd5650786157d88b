"""What stands in `Annotated[...]` to say where a handler's argument comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from msgspec import Struct

__all__ = ["Body", "Cookie", "Depends", "Form", "Header", "Marker", "Path", "Query"]


class Marker(Struct, frozen=True, kw_only=True, eq=False):
    """What the markers of values in a request have in common.

    Attributes:
        alias: The name in the request; the parameter's own when left out.
        description: What the API description says about it; else the docstring's `Args:` does.
        examples: Values for the API description.
        deprecated: Whether the API description calls it deprecated.
    """

    alias: str | None = None
    description: str = ""
    examples: Sequence[object] = ()
    deprecated: bool = False


class Query(Marker, frozen=True, kw_only=True, eq=False):
    """The value comes from the query: `Annotated[int, Query(alias="page-size")]`.

    On a dataclass, Struct or TypedDict each of its fields is a parameter of the query.
    """


class Header(Marker, frozen=True, kw_only=True, eq=False):
    """The value comes from a header; `_` in the parameter's name stands for `-`.

    A list takes the values of all headers of that name, split at commas (RFC 9110, section 5.3).
    """


class Cookie(Marker, frozen=True, kw_only=True, eq=False):
    """The value comes from a cookie."""


class Path(Marker, frozen=True, kw_only=True, eq=False):
    """Describes a path parameter; it is found by its name without this."""


class Form(Marker, frozen=True, kw_only=True, eq=False):
    """The value is a field of a submitted form, urlencoded or multipart.

    On a dataclass, Struct or TypedDict each of its fields is a field of the form. `UploadedFile`
    and `list[UploadedFile]` take files.
    """


class Body(Marker, frozen=True, kw_only=True, eq=False):
    """The value is the JSON body. Several of them are the fields of one JSON object.

    A dataclass, Struct or TypedDict without a marker is the JSON body too.
    """


@dataclass(frozen=True)
class Depends:
    """The value is what a function returns, called with arguments of its own.

    ```python
    async def current_cart(session_id: Annotated[str, Cookie()]) -> Cart: ...

    @app.get("/cart")
    async def show(cart: Annotated[Cart, Depends(current_cart)]): ...
    ```

    Args:
        dependency: `def` (called in a worker thread), `async def`, a class, or a generator
            function with one `yield`: what follows the `yield` runs after the response was sent.
            The annotated class when left out.
        use_cache: False calls it once more for each place that asks for it, instead of once per
            request.
        blocking: False calls a `def` dependency on the event loop: for those that only compute.
    """

    dependency: Callable[..., object] | None = None
    use_cache: bool = field(default=True, kw_only=True)
    blocking: bool = field(default=True, kw_only=True)
