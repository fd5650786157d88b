"""Builds the URL of an endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from flasgo.errors import BuildError, did_you_mean
from flasgo.routing.paths import is_clean_path, quote_path
from flasgo.routing.rule import Rule

__all__ = ["BuiltURL", "build_url"]


class BuiltURL(NamedTuple):
    """A URL without its origin.

    Attributes:
        path: The percent-encoded path, with the query.
        host: The host that the route is bound to, or None.
    """

    path: str
    host: str | None


def build_url(
    rules: Mapping[str, Sequence[Rule]], endpoint: str, params: Mapping[str, object]
) -> BuiltURL:
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
            f"No route has the endpoint {endpoint!r}.{_suggestion(str(endpoint), rules)}",
            endpoint=endpoint,
        )
    given = {name: value for name, value in params.items() if value is not None}
    for rule in candidates:
        # As in Flask, the rule that stands for a value is its URL: "/" for `page=1`.
        if rule.defaults and rule.defaults.items() <= given.items():
            given = {name: given[name] for name in given if name not in rule.defaults}
            break
    complete = [rule for rule in candidates if _names(rule) <= given.keys()]
    if not complete:
        raise _missing(endpoint, candidates, given)
    failure: BuildError | None = None
    for rule in complete:
        # Rules with other parameters are not tried: a refused value would become part of a query.
        if _names(rule) != _names(complete[0]):
            continue
        try:
            path = _fill(rule, endpoint, given) + _query(rule, endpoint, given)
            return BuiltURL(path, _host(rule, endpoint, given))
        except BuildError as error:
            failure = failure or error
    raise failure or _missing(endpoint, candidates, given)


def _suggestion(endpoint: str, rules: Mapping[str, Sequence[Rule]]) -> str:
    """Suggest a similar endpoint, or the same name in a blueprint."""
    own_name = endpoint.rpartition(".")[2]
    namesakes = [known for known in rules if known.rpartition(".")[2] == own_name]
    if own_name and len(namesakes) == 1:
        return f" Did you mean {namesakes[0]!r}?"
    return did_you_mean(endpoint, rules)


def _names(rule: Rule) -> frozenset[str]:
    return frozenset(parameter.name for parameter in rule.every_parameter)


def _host(rule: Rule, endpoint: str, given: Mapping[str, object]) -> str | None:
    if rule.host is None:
        return None
    try:
        return rule.host.build(given)
    except ValueError as error:
        raise _refused(rule, endpoint, f"the host {rule.host.text!r} cannot be built", error) from (
            None
        )


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
    missing = [p.name for p in rule.every_parameter if p.name not in given]
    hint = did_you_mean(missing[0], given.keys() - _names(rule))
    return BuildError(
        f"No URL for endpoint {endpoint!r} ({rule.text}): "
        f"missing {', '.join(map(repr, missing))}; given: "
        f"{', '.join(map(repr, given)) or 'nothing'}.{hint}",
        endpoint=endpoint,
    )
