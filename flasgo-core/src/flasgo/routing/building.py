"""Builds the URL of an endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlencode

from flasgo.errors import BuildError
from flasgo.routing.paths import is_clean_path, quote_path
from flasgo.routing.rule import Rule
from flasgo.suggest import did_you_mean

__all__ = ["build_url"]


def build_url(
    rules: Mapping[str, Sequence[Rule]], endpoint: str, params: Mapping[str, object]
) -> str:
    """Return the URL path of an endpoint, with a query for parameters that its rule lacks.

    Args:
        rules: The rules of each endpoint, those with most parameters first.
        endpoint: The endpoint.
        params: Parameters by name. None stands for "not given"; a list or tuple repeats a query
            parameter.

    Raises:
        BuildError: When the endpoint is unknown, a parameter is missing, or a value is impossible.
    """
    candidates = rules.get(endpoint)
    if not candidates:
        raise BuildError(
            f"No route has the endpoint {endpoint!r}.{did_you_mean(str(endpoint), rules)}",
            endpoint=endpoint,
        )
    given = {name: value for name, value in params.items() if value is not None}
    complete = [rule for rule in candidates if _names(rule) <= given.keys()]
    if not complete:
        raise _missing(endpoint, candidates, given)
    failure: BuildError | None = None
    for rule in complete:
        # Rules with other parameters are no second choice: a refused value would end up in a query.
        if _names(rule) != _names(complete[0]):
            continue
        try:
            return _fill(rule, endpoint, given) + _query(rule, endpoint, given)
        except BuildError as error:
            failure = failure or error
    raise failure or _missing(endpoint, candidates, given)


def _names(rule: Rule) -> frozenset[str]:
    return frozenset(parameter.name for parameter in rule.parameters)


def _fill(rule: Rule, endpoint: str, given: Mapping[str, object]) -> str:
    """Return the rule's path with all parameters filled in, percent-encoded."""
    texts: list[str] = []
    for segment in rule.segments:
        parts: list[str] = []
        for name, _, converter in segment.parameters:
            try:
                part = converter.build(given[name])
                _check_part(part, spans=converter.spans_segments)
            except ValueError as error:
                raise _refused(
                    rule, endpoint, f"{name!r} cannot be {given[name]!r}", error
                ) from None
            parts.append(part)
        try:
            texts.append(segment.join(parts) if parts else segment.prefix)
        except ValueError as error:
            raise _refused(rule, endpoint, "the values do not go together", error) from None
    path = "/" + "/".join(texts)
    if not is_clean_path(path):
        raise _refused(
            rule,
            endpoint,
            f"{path!r} would not be routed",
            "no empty or dot segments, no control characters",
        )
    return quote_path(path)


def _check_part(part: object, *, spans: bool) -> None:
    """Hold a converter's build() to its promise; users write converters too."""
    if not isinstance(part, str) or not part:
        raise ValueError(f"its converter must build a str that is not empty, not {part!r}")
    if "/" in part and not spans:
        raise ValueError(f"its converter built {part!r}, but only <path:...> may contain '/'")


def _query(rule: Rule, endpoint: str, given: Mapping[str, object]) -> str:
    names = _names(rule)
    pairs: list[tuple[str, str]] = []
    for name, value in given.items():
        if name not in names:
            values: Iterable[object] = value if isinstance(value, list | tuple) else (value,)
            pairs.extend((name, str(item)) for item in values if item is not None)
    try:
        return "?" + urlencode(pairs) if pairs else ""
    except UnicodeEncodeError as error:
        raise _refused(rule, endpoint, "the query cannot be encoded", error) from None


def _refused(rule: Rule, endpoint: str, what: str, why: object) -> BuildError:
    return BuildError(
        f"No URL for endpoint {endpoint!r} ({rule.text}): {what}: {why}.", endpoint=endpoint
    )


def _missing(endpoint: str, candidates: Sequence[Rule], given: Mapping[str, object]) -> BuildError:
    """Name what is missing from the rule that comes nearest."""
    rule = min(candidates, key=lambda rule: len(_names(rule) - given.keys()))
    missing = [p.name for p in rule.parameters if p.name not in given]
    hint = did_you_mean(missing[0], given.keys() - _names(rule))
    return BuildError(
        f"No URL for endpoint {endpoint!r} ({rule.text}): "
        f"missing {', '.join(map(repr, missing))}; given: "
        f"{', '.join(map(repr, given)) or 'nothing'}.{hint}",
        endpoint=endpoint,
    )
