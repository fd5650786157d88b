"""What stands in `Annotated[...]` to say where a handler's argument comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flasgo.errors import did_you_mean

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Body", "Cookie", "Depends", "Form", "Header", "Marker", "Path", "Query"]


_CONSTRAINTS = (
    "ge",
    "gt",
    "le",
    "lt",
    "max_length",
    "min_length",
    "multiple_of",
    "pattern",
    "title",
)


class Marker:
    """What the markers of values in a request have in common.

    Args:
        alias: The name in the request; the parameter's own when left out.
        description: What the API description says about it; else the docstring's `Args:` does.
        examples: Values for the API description.
        deprecated: Whether the API description calls it deprecated.

    Raises:
        TypeError: For anything else: defaults and constraints stand beside the marker.
    """

    __slots__ = ("alias", "deprecated", "description", "examples")

    def __init__(
        self,
        *defaults: object,
        alias: str | None = None,
        description: str = "",
        examples: Sequence[object] = (),
        deprecated: bool = False,
        **unknown: object,
    ) -> None:
        if defaults or unknown:
            raise TypeError(_refusal(type(self).__name__, unknown))
        self.alias = alias
        self.description = description
        self.examples = tuple(examples)
        self.deprecated = deprecated

    def called(self, alias: str) -> Self:
        """Return a marker that says the same of a value of another name.

        Args:
            alias: The name in the request.
        """
        return type(self)(
            alias=alias,
            description=self.description,
            examples=self.examples,
            deprecated=self.deprecated,
        )

    def __repr__(self) -> str:
        said = (f"{name}={getattr(self, name)!r}" for name in Marker.__slots__)
        return f"{type(self).__name__}({', '.join(said)})"


def _refusal(marker: str, unknown: Mapping[str, object]) -> str:
    name = next(iter(unknown), "default")
    if name in {"default", "default_factory"}:
        return (
            f"{marker}() takes no default; the parameter has it: "
            f"name: Annotated[<type>, {marker}()] = <default>."
        )
    if name == "regex":
        name = "pattern"
    if name in _CONSTRAINTS:
        return (
            f"{marker}() takes no {name!r}; it stands beside: "
            f"Annotated[<type>, msgspec.Meta({name}=...), {marker}()]."
        )
    return (
        f"{marker}() has no {name!r}; it takes alias, description, examples and deprecated."
        + did_you_mean(name, Marker.__slots__)
    )


class Query(Marker):
    """The value comes from the query: `Annotated[int, Query(alias="page-size")]`.

    On a dataclass, Struct or TypedDict each of its fields is a parameter of the query.
    """

    __slots__ = ()


class Header(Marker):
    """The value comes from a header; `_` in the parameter's name stands for `-`.

    A list takes the values of all headers of that name, split at commas (RFC 9110, section 5.3).
    """

    __slots__ = ()


class Cookie(Marker):
    """The value comes from a cookie."""

    __slots__ = ()


class Path(Marker):
    """Describes a path parameter; it is found by its name without this."""

    __slots__ = ()


class Form(Marker):
    """The value is a field of a submitted form, urlencoded or multipart.

    On a dataclass, Struct or TypedDict each of its fields is a field of the form. `UploadedFile`
    and `list[UploadedFile]` take files.
    """

    __slots__ = ()


class Body(Marker):
    """The value is the JSON body. Several of them, and one with an alias, are fields of an object.

    A dataclass, Struct or TypedDict without a marker is the JSON body too.
    """

    __slots__ = ()


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
