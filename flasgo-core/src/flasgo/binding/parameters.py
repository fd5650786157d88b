"""What says where a handler's argument comes from, in `Annotated[...]` or as its default."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from flasgo.binding.signatures import MISSING
from flasgo.errors import did_you_mean
from flasgo.kernel.context import ContextProxy
from flasgo.settings.annotations import alternatives, union_of, without_none

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Body", "Cookie", "Depends", "Form", "Header", "Marker", "Path", "Query"]

_SAID = ("alias", "description", "examples", "deprecated")
_CONSTRAINTS = (
    "ge",
    "gt",
    "le",
    "lt",
    "multiple_of",
    "min_length",
    "max_length",
    "pattern",
    "title",
)


class Marker:
    """What the markers of values in a request have in common.

    A marker stands in `Annotated[int, Query(ge=1)]`, or in place of the parameter's default:
    `page: int = Query(1, ge=1)` means the same as `page: Annotated[int, Query(ge=1)] = 1`.

    Args:
        default: What the value is when the request has none. `...` asks for it, as nothing does.
        alias: The name in the request; the parameter's own when left out.
        description: What the API description says about it; else the docstring's `Args:` does.
        examples: Values for the API description.
        deprecated: Whether the API description calls it deprecated.
        ge: The least number.
        gt: What the number is greater than.
        le: The greatest number.
        lt: What the number is less than.
        multiple_of: What the number is a multiple of.
        min_length: The fewest characters of a text, or items of a list.
        max_length: The most characters of a text, or items of a list.
        pattern: A regular expression that a text matches somewhere.
        title: A title for the API description.

    Raises:
        TypeError: For anything else, and for an alias that no request can have.
        ValueError: For constraints that exclude each other.
    """

    __slots__ = ("alias", "constraints", "default", "deprecated", "description", "examples")

    def __init__(
        self,
        default: object = MISSING,
        *more: object,
        alias: str | None = None,
        description: str = "",
        examples: Sequence[object] = (),
        deprecated: bool = False,
        **constraints: Any,
    ) -> None:
        self.constraints: Mapping[str, Any] = {
            name: value for name, value in constraints.items() if value is not None
        }
        if more or not constraints.keys() <= set(_CONSTRAINTS):
            raise TypeError(_refusal(type(self).__name__, constraints))
        msgspec.Meta(**self.constraints)  # raises for what makes no sense
        if alias is not None and not (isinstance(alias, str) and alias and alias.isprintable()):
            raise TypeError(
                f"{type(self).__name__}(alias={alias!r}): an alias is text without control "
                "characters, such as 'page-size'."
            )
        self.default: Any = MISSING if default is ... else default
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
            self.default,
            alias=alias,
            description=self.description,
            examples=self.examples,
            deprecated=self.deprecated,
            **self.constraints,
        )

    def constrained(self, annotation: Any) -> Any:
        """Return a type with the constraints of the marker.

        Args:
            annotation: The type. `Any`: an annotation.
        """
        if not self.constraints:
            return annotation
        metadata = (msgspec.Meta(**self.constraints),)
        bare = without_none(annotation)
        inner: Any = Annotated[(bare, *metadata)]  # ty: ignore[invalid-type-form]
        return union_of([inner, None]) if type(None) in alternatives(annotation) else inner

    def __repr__(self) -> str:
        said = [f"{name}={getattr(self, name)!r}" for name in _SAID]
        said += [f"{name}={value!r}" for name, value in self.constraints.items()]
        default = [] if self.default is MISSING else [repr(self.default)]
        return f"{type(self).__name__}({', '.join(default + said)})"


def _refusal(marker: str, given: Mapping[str, object]) -> str:
    known = ("default", *_SAID, *_CONSTRAINTS)
    name = next((name for name in given if name not in _CONSTRAINTS), None)
    if name is None:
        return f"{marker}() takes one positional argument, the default; name the others."
    from flasgo.advice.names_elsewhere import advice

    hint = advice("marker", name)
    return (
        f"{marker}() has no {name!r}. {hint}"
        if hint
        else f"{marker}() has no {name!r}; it takes {', '.join(known)}.{did_you_mean(name, known)}"
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

    `cart: Cart = Depends(current_cart)` means the same.

    Args:
        dependency: `def` (called in a worker thread), `async def`, a class, or a generator
            function with one `yield`: what follows the `yield` runs after the response was sent.
            The annotated class when left out. `current_user`, `session` and `g` give the object
            that they stand for.
        use_cache: False calls it once more for each place that asks for it, instead of once per
            request.
        blocking: False calls a `def` dependency on the event loop: for those that only compute.
    """

    dependency: Callable[..., object] | None = None
    use_cache: bool = field(default=True, kw_only=True)
    blocking: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        # `isinstance` asks the proxy for the class of what it stands for.
        if type(self.dependency) is ContextProxy:
            object.__setattr__(self, "dependency", self.dependency._get_current_object)
            object.__setattr__(self, "blocking", False)


if TYPE_CHECKING:
    # To type checkers the public names are functions: what stands as the default of a parameter
    # of any type has to be of any type. `flasgo.binding` exports these there.

    def ValueMarker(  # noqa: N802
        default: Any = ...,
        *,
        alias: str | None = None,
        description: str = "",
        examples: Sequence[object] = (),
        deprecated: bool = False,
        ge: float | None = None,
        gt: float | None = None,
        le: float | None = None,
        lt: float | None = None,
        multiple_of: float | None = None,
        min_length: int | None = None,
        max_length: int | None = None,
        pattern: str | None = None,
        title: str | None = None,
    ) -> Any:
        """Stand for `Query`, `Header`, `Cookie`, `Path`, `Form` and `Body`."""

    def DependencyMarker(  # noqa: N802
        dependency: Callable[..., object] | None = None,
        *,
        use_cache: bool = True,
        blocking: bool = True,
    ) -> Any:
        """Stand for `Depends`."""
