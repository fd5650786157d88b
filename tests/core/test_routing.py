"""Rules, precedence, methods, slashes and hostile paths (CORE-2, CORE-3, CORE-4)."""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import pytest
from flasgo.errors import RouteError
from flasgo.routing import WEBSOCKET, Converter, Match, Route, Router, is_clean_path
from flasgo.routing.policies import Policy, attach_policy
from hypothesis import given, settings, strategies as st


def handler() -> None:
    """Stand for a handler."""


def other_handler() -> None:
    """Stand for another one."""


def router_of(*rules: str, trailing_slash: str = "redirect") -> Router:
    """Return a router with GET routes whose endpoints are their rules."""
    router = Router(trailing_slash=trailing_slash)
    for rule in rules:
        router.add(Route(rule, handler, endpoint=rule))
    return router


def found(router: Router, path: str, method: str = "GET") -> str | None:
    match = router.match(method, path)
    return None if match is None else match.route.endpoint


def params(router: Router, path: str) -> dict[str, object] | None:
    match = router.match("GET", path)
    assert match is not None, path
    return match.params


# --- Matching ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "path", "expected"),
    [
        ("/", "/", None),
        ("/a", "/a", None),
        ("/a/b/", "/a/b/", None),
        ("/café au lait", "/café au lait", None),
        ("/a:b@c;d=e", "/a:b@c;d=e", None),
        ("/...", "/...", None),
        ("/.well-known/x", "/.well-known/x", None),
        ("/<name>", "/ada", {"name": "ada"}),
        ("/<str:name>", "/ada", {"name": "ada"}),
        ("/<name>", "/...", {"name": "..."}),
        ("/<name>", "/.env", {"name": ".env"}),
        ("/<name>", "/%2e%2e", {"name": "%2e%2e"}),  # decoded once, by the server
        ("/<name>", "/Zoë 🐍", {"name": "Zoë 🐍"}),
        ("/<name>", "/a\u00a0b", {"name": "a\u00a0b"}),
        ("/<name>/", "/ada/", {"name": "ada"}),
        ("/u/<int:id>", "/u/7", {"id": 7}),
        ("/u/<int:id>/posts/<slug>", "/u/7/posts/x", {"id": 7, "slug": "x"}),
        ("/<a>/<b>/<c>/<d>", "/1/2/3/4", {"a": "1", "b": "2", "c": "3", "d": "4"}),
        ("/f/<path:p>", "/f/a", {"p": "a"}),
        ("/f/<path:p>", "/f/a/b/c.txt", {"p": "a/b/c.txt"}),
        ("/f/<path:p>", "/f/a/", {"p": "a/"}),
        ("/<path:p>", "/a/b", {"p": "a/b"}),
        ("/f/<path:p>/edit", "/f/a/edit", {"p": "a"}),
        ("/f/<path:p>/edit", "/f/edit/edit/edit", {"p": "edit/edit"}),
        ("/f/<path:p>/at/<int:rev>", "/f/a/b/at/3", {"p": "a/b", "rev": 3}),
        ("/f/<path:p>/", "/f/a/b/", {"p": "a/b"}),
    ],
)
def test_match(rule: str, path: str, expected: dict[str, object] | None) -> None:
    assert params(router_of(rule), path) == expected


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ("/a", "/A"),
        ("/a", "/a/"),
        ("/a/", "/a"),
        ("/a", "/a/b"),
        ("/a/b", "/a"),
        ("/a", "a"),
        ("/a", ""),
        ("/a", "/"),
        ("/<name>", "/"),
        ("/<name>", ""),
        ("/<name>", "ada"),
        ("/<name>", "x/ada"),
        ("/<name>", "/ada/"),
        ("/<name>/", "/ada"),
        ("/<name>", "/a/b"),
        ("/u/<int:id>", "/u/"),
        ("/u/<int:id>", "/u"),
        ("/u/<int:id>", "/u/x"),
        ("/f/<path:p>", "/f/"),
        ("/f/<path:p>", "/f"),
        ("/f/<path:p>/edit", "/f/edit"),
        ("/f/<path:p>/edit", "/f//edit"),
        ("/f/<path:p>/edit", "/f/a/edit/"),
        ("/f/<path:p>/", "/f/"),
        ("/<path:p>", "/"),
    ],
)
def test_no_match(rule: str, path: str) -> None:
    assert router_of(rule).match("GET", path) is None
    assert router_of(rule).allowed_methods(path) == ()


def test_a_static_match_is_made_once_and_a_dynamic_one_is_fresh() -> None:
    router = router_of("/a", "/u/<x>", "/u/<x>/<y>", "/u/<x>/<y>/<z>")
    assert router.match("GET", "/a") is router.match("GET", "/a")
    for path in ("/u/1", "/u/1/2", "/u/1/2/3"):
        first, second = router.match("GET", path), router.match("GET", path)
        assert first is not None
        assert second is not None
        assert isinstance(first, Match)
        assert first == second
        assert first.params is not second.params
        assert first.params is not None
        first.params["x"] = "changed by a handler"
        assert params(router, path) == second.params


# --- Precedence -------------------------------------------------------------------------------

PRECEDENCE_RULES = [
    "/x/new",
    "/x/<int:a>",
    "/x/<float:a>",
    "/x/<uuid:a>",
    "/x/n<a>",
    "/x/n<a>z",
    "/x/<a>.json",
    "/x/n<int:a>",
    "/x/<a>",
    "/x/<path:a>",
    "/x/<path:a>/edit",
    "/x/<a>/edit",
    "/x/<int:a>/edit",
    "/x/new/edit",
    "/<path:a>",
    "/<a>/5",
]
PRECEDENCE_TABLE = {
    "/x/new": "/x/new",
    "/x/5": "/x/<int:a>",
    "/x/5.5": "/x/<float:a>",
    "/x/0188c0de-7e57-7abc-8def-0123456789ab": "/x/<uuid:a>",
    "/x/n5": "/x/n<int:a>",
    "/x/nose": "/x/n<a>",
    "/x/nz": "/x/n<a>",
    "/x/noz": "/x/n<a>z",
    "/x/a.json": "/x/<a>.json",
    "/x/n.json": "/x/<a>.json",  # more text than "n"
    "/x/ada": "/x/<a>",
    "/x/a/b": "/x/<path:a>",
    "/x/new/edit": "/x/new/edit",
    "/x/5/edit": "/x/<int:a>/edit",
    "/x/ada/edit": "/x/<a>/edit",
    "/x/a/b/edit": "/x/<path:a>/edit",
    "/x/5/other": "/x/<path:a>",
    "/x/new/": "/x/<path:a>",
    "/x": "/<path:a>",
    "/x/": "/<path:a>",
    "/y/5": "/<a>/5",
    "/y/6": "/<path:a>",
}


@pytest.mark.parametrize("seed", range(12))
def test_precedence_does_not_depend_on_the_order_of_registration(seed: int) -> None:
    rules = PRECEDENCE_RULES.copy()
    random.Random(seed).shuffle(rules)
    router = router_of(*rules)
    assert {path: found(router, path) for path in PRECEDENCE_TABLE} == PRECEDENCE_TABLE


def test_a_way_without_the_method_is_left_for_the_next() -> None:
    for order in itertools.permutations(
        [("/u/<int:id>", "GET"), ("/u/<name>", "POST"), ("/u/<path:p>", "PUT"), ("/u/5", "PATCH")]
    ):
        router = Router()
        for rule, method in order:
            router.add(Route(rule, handler, methods=[method], endpoint=rule))
        assert found(router, "/u/5", "GET") == "/u/<int:id>"
        assert found(router, "/u/5", "POST") == "/u/<name>"
        assert found(router, "/u/5", "PUT") == "/u/<path:p>"
        assert found(router, "/u/5", "PATCH") == "/u/5"
        assert found(router, "/u/x", "GET") is None
        assert found(router, "/u/5", "DELETE") is None
        assert router.allowed_methods("/u/5") == ("GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
        assert router.allowed_methods("/u/x") == ("OPTIONS", "POST", "PUT")
        assert router.allowed_methods("/u/x/y") == ("OPTIONS", "PUT")


def test_going_back_forgets_the_values_of_the_way_tried() -> None:
    router = router_of("/<int:a>/<int:b>/x", "/<c>/<path:d>")
    assert params(router, "/1/2/x") == {"a": 1, "b": 2}
    assert params(router, "/1/2/y") == {"c": "1", "d": "2/y"}


KINDS = ["a", "b", "<int:{}>", "<{}>", "<path:{}>"]
TEXTS = ["a", "b", "1", "c"]


def reference_rank(rule: Sequence[str], path: Sequence[str]) -> tuple[object, ...] | None:
    """Match without a tree; smaller ranks win, segment by segment."""
    rank: list[tuple[int, int]] = []
    index = 0
    for position, kind in enumerate(rule):
        after = len(rule) - position - 1
        if kind == "<path:{}>":
            end = len(path) - after
            if end <= index or path[index] == "":
                return None
            rank.append((3, -after))
            index = end
            continue
        if index >= len(path):
            return None
        text = path[index]
        if kind == "<int:{}>":
            fits = text.isdigit()
        else:
            fits = bool(text) if kind == "<{}>" else text == kind
        if not fits:
            return None
        rank.append(({"<int:{}>": 1, "<{}>": 2}.get(kind, 0), 0))
        index += 1
    return tuple(rank) if index == len(path) else None


@settings(max_examples=300)
@given(
    st.lists(
        st.lists(st.sampled_from(KINDS), min_size=1, max_size=4)
        .map(tuple)
        .filter(lambda kinds: kinds.count("<path:{}>") < 2),
        min_size=1,
        max_size=12,
        unique=True,
    ),
    st.lists(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=5), max_size=12),
)
def test_the_tree_agrees_with_a_plain_reference(
    rules: list[tuple[str, ...]], paths: list[list[str]]
) -> None:
    router = Router()
    for rule in rules:
        text = "/" + "/".join(kind.format(f"p{i}") for i, kind in enumerate(rule))
        router.add(Route(text, handler, endpoint=repr(rule)))
    for path in paths:
        ranks = {rule: reference_rank(rule, path) for rule in rules}
        fitting = {rule: rank for rule, rank in ranks.items() if rank is not None}
        expected = min(fitting, key=lambda rule: fitting[rule]) if fitting else None
        assert found(router, "/" + "/".join(path)) == (None if expected is None else repr(expected))
        assert bool(router.allowed_methods("/" + "/".join(path))) is bool(fitting)


# --- Methods ----------------------------------------------------------------------------------


def test_head_comes_with_get_and_options_with_anything() -> None:
    router = Router()
    router.add(Route("/a", handler, methods=["GET"]))
    router.add(Route("/a", handler, methods=["post", "DELETE"]))
    router.add(Route("/b/<x>", handler, methods=["POST"]))
    assert router.routes[0].methods == {"GET", "HEAD"}
    assert router.routes[1].methods == {"POST", "DELETE"}
    assert router.allowed_methods("/a") == ("DELETE", "GET", "HEAD", "OPTIONS", "POST")
    assert router.allowed_methods("/b/1") == ("OPTIONS", "POST")
    assert router.allowed_methods("/c") == ()
    assert router.match("OPTIONS", "/a") is None  # answered by the dispatcher
    assert router.match("get", "/a") is None  # methods are case-sensitive, RFC 9110 section 9.1


@pytest.mark.parametrize("rule", ["/a", "/a/<x>"])
@pytest.mark.parametrize("head_first", [False, True])
def test_an_explicit_head_route_wins_over_the_automatic_one(rule: str, head_first: bool) -> None:
    routes = [
        Route(rule, handler, methods=["GET"], endpoint="get"),
        Route(rule, other_handler, methods=["HEAD"], endpoint="head"),
    ]
    router = Router()
    for route in reversed(routes) if head_first else routes:
        router.add(route)
    path = rule.replace("<x>", "1")
    assert found(router, path, "GET") == "get"
    assert found(router, path, "HEAD") == "head"
    with pytest.raises(RouteError, match="HEAD"):
        router.add(Route(rule, handler, methods=["HEAD"], endpoint="get"))


def test_an_explicit_options_route_is_matched() -> None:
    router = Router()
    router.add(Route("/a", handler, methods=["OPTIONS"]))
    assert found(router, "/a", "OPTIONS") == "handler"
    assert router.allowed_methods("/a") == ("OPTIONS",)


@pytest.mark.parametrize("rule", ["/ws", "/ws/<room>"])
def test_websocket_and_http_routes_share_a_path_but_never_a_request(rule: str) -> None:
    path = rule.replace("<room>", "r")
    router = Router()
    router.add(Route(rule, handler, is_websocket=True, endpoint="socket"))
    assert router.allowed_methods(path) == ()
    # SECURITY: a client chooses its method; none leads past the handshake.
    for method in ("GET", "WEBSOCKET", "websocket", "CONNECT", ""):
        assert router.match(method, path) is None
    match = router.match_websocket(path)
    assert match is not None
    assert match.route.methods == {WEBSOCKET}
    assert match.route.is_websocket
    router.add(Route(rule, other_handler, endpoint="page"))
    assert found(router, path) == "page"
    assert router.allowed_methods(path) == ("GET", "HEAD", "OPTIONS")
    again = router.match_websocket(path)
    assert again is not None
    assert again.route.endpoint == "socket"
    assert router.match_websocket("/other") is None
    with pytest.raises(RouteError, match="matches the same paths"):
        router.add(Route(rule, handler, is_websocket=True, endpoint="socket"))


# --- Hostile paths ----------------------------------------------------------------------------

UNCLEAN = [
    *["", "a", "a/b", "//", "//a", "///", "/a//b", "/a//", "//a/b", "/a/b//c"],
    *["/.", "/..", "/./a", "/../a", "/a/.", "/a/..", "/a/./b", "/a/../b", "/a/./", "/a/../"],
    *["/a\x00b", "/\x00", "/a\nb", "/a\rb", "/a\tb", "/a\x1fb", "/a\x7fb", "/a\x85b", "/a\x9fb"],
    *["/a/\ud800", "/\udcff/b", "/a/b\x00"],
]
CATCH_ALL = ["/<path:p>", "/<a>", "/<a>/<b>", "/<a>/<path:p>", "/<path:p>/<a>", "/x<a>", "/<a>/"]


@pytest.mark.parametrize("trailing_slash", ["strict", "redirect", "ignore"])
@pytest.mark.parametrize("path", UNCLEAN)
def test_an_unclean_path_reaches_no_route(path: str, trailing_slash: str) -> None:
    router = router_of("/", "/a", "/a/b", *CATCH_ALL[:-1], trailing_slash=trailing_slash)
    router.add(Route("/<path:p>", handler, is_websocket=True, endpoint="socket"))
    assert not is_clean_path(path)
    assert router.match("GET", path) is None
    assert router.match_websocket(path) is None
    assert router.allowed_methods(path) == ()
    assert router.slash_twin("GET", path) is None


@pytest.mark.parametrize(
    "path",
    ["/", "/a", "/a/", "/...", "/.a", "/a.", "/..a", "/a..", "/a b", "/é", "/\u2028", "/\ue000"],
)
def test_unusual_but_clean_paths(path: str) -> None:
    assert is_clean_path(path)


@given(st.text(st.sampled_from("/.a\\\x00 %é\ud800"), max_size=12))
def test_what_is_matched_is_clean(path: str) -> None:
    for trailing_slash in ("strict", "redirect", "ignore"):
        router = router_of("/", *CATCH_ALL[:-1], trailing_slash=trailing_slash)
        if router.match("GET", path) is not None:
            assert is_clean_path(path)
        target = router.slash_twin("GET", path)
        if target is not None:
            assert target[0] == "/"
            assert target[1:2] not in {"/", "\\"}
            assert target.isascii()


class Counting(Converter):
    """Counts what a router asks of it."""

    calls: ClassVar[int] = 0
    characters: ClassVar[int] = 0

    def convert(self, value: str) -> str:
        Counting.calls += 1
        Counting.characters += len(value)
        raise ValueError("never")


class CountingPath(Counting):
    spans_segments = True


@pytest.mark.parametrize(
    "path",
    [
        "/a" * 8_000,
        "/" + "a" * 60_000,
        "/" + "-" * 60_000,
        "/" + "1-" * 30_000,
        "/1" * 8_000 + "/",
        "/" + "a." * 30_000,
    ],
)
def test_work_is_bounded_by_the_rules_and_linear_in_the_path(path: str) -> None:
    Counting.calls = Counting.characters = 0
    router = Router({"c": Counting, "cp": CountingPath})
    rules = [
        *["/<c:a>", "/<c:a>/a", "/a/<c:a>", "/<c:a>-<c:b>-<c:d>", "/<a>-<c:b>-<int:d>"],
        *[
            "/<cp:p>",
            "/<cp:p>/a",
            "/a/<cp:p>",
            "/a/a/a/<cp:p>/a/a",
            "/<path:p>/zz",
            "/<a>/<path:p>/q",
        ],
        *["/<int:a>-<int:b>-<int:d>-<int:e>", "/<a>.<b>.<d>.<c:e>"],
    ]
    for rule in rules:
        router.add(Route(rule, handler, endpoint=rule))
    assert router.match("GET", path) is None
    assert router.allowed_methods(path) == ()
    assert router.slash_twin("GET", path) is None
    assert Counting.calls <= 6 * len(rules)
    assert Counting.characters <= 6 * len(rules) * len(path)


def test_a_long_path_still_matches() -> None:
    router = router_of("/<path:p>", "/<path:p>/end")
    body = "/".join(["a"] * 8_000)
    assert params(router, f"/{body}") == {"p": body}
    assert params(router, f"/{body}/end") == {"p": body}
    assert found(router, f"/{body}/end") == "/<path:p>/end"


def test_routes_tell_whether_an_encoded_slash_could_be_part_of_a_value() -> None:
    router = router_of("/", "/a/<x>", "/f/<path:p>", "/f/<path:p>/edit")
    assert [route.spans_segments for route in router.routes] == [False, False, True, True]


# --- Trailing slashes -------------------------------------------------------------------------


def test_strict_takes_one_form() -> None:
    router = router_of("/a", "/b/", "/u/<x>", "/v/<x>/", trailing_slash="strict")
    for path in ("/a", "/b/", "/u/1", "/v/1/"):
        assert found(router, path) is not None
    for path in ("/a/", "/b", "/u/1/", "/v/1"):
        assert found(router, path) is None
        assert router.slash_twin("GET", path) is None
        assert router.allowed_methods(path) == ()


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/a/", "/a"),
        ("/b", "/b/"),
        ("/u/1/", "/u/1"),
        ("/v/1", "/v/1/"),
        ("/u/x y\\é%/", "/u/x%20y%5C%C3%A9%25"),
        ("/a", None),
        ("/b/", None),
        ("/", None),
        ("", None),
        ("/a//", None),
        ("//a/", None),
        ("//evil.example/", None),
        ("/nothing/here", None),
        ("/post/", None),
        ("/both", None),
        ("/both/", None),
    ],
)
def test_redirect_leads_to_the_form_that_exists(path: str, target: str | None) -> None:
    router = router_of("/a", "/b/", "/u/<x>", "/v/<x>/", "/both", "/both/")
    router.add(Route("/post", handler, methods=["POST"], endpoint="post"))
    router.add(Route("/post/", handler, methods=["PUT"], endpoint="post"))
    assert router.slash_twin("GET", path) == target
    assert router.slash_twin("HEAD", path) == target
    for method in ("PATCH", "DELETE", "OPTIONS", "WEBSOCKET"):
        assert router.slash_twin(method, path) is None


@pytest.mark.parametrize("rule", ["/<x>", "/<x>/"])
def test_a_redirect_stays_on_the_host(rule: str) -> None:
    path = rule.replace("<x>", "\\evil.example")
    wrong = path[:-1] if path.endswith("/") else path + "/"
    target = router_of(rule).slash_twin("GET", wrong)
    assert target == path.replace("\\", "%5C")
    for hostile in ("//evil.example", "//evil.example/", "///evil.example/"):
        assert router_of(rule).slash_twin("GET", hostile) is None


def test_redirect_needs_a_route_for_the_method() -> None:
    router = Router()
    router.add(Route("/a/", handler, methods=["POST"]))
    assert router.slash_twin("GET", "/a") is None
    assert router.allowed_methods("/a") == ()


def test_a_redirect_never_leads_to_a_redirect() -> None:
    router = router_of("/a", "/b/", "/u/<x>", "/f/<path:p>/", "/g/<path:p>")
    for path in ("/a/", "/b", "/u/1/", "/f/a", "/f/a/b", "/g/a/"):
        target = router.slash_twin("GET", path)
        if target is not None:
            assert router.match("GET", target) is not None
            assert router.slash_twin("GET", target) is None
        else:
            assert router.match("GET", path) is not None


def test_ignore_makes_both_forms_one_route() -> None:
    router = router_of(
        "/", "/a", "/b/", "/u/<x>", "/v/<x>/", "/f/<path:p>", trailing_slash="ignore"
    )
    for path in ("/a", "/a/"):
        assert found(router, path) == "/a"
    for path in ("/b", "/b/"):
        assert found(router, path) == "/b/"
        assert router.allowed_methods(path) == ("GET", "HEAD", "OPTIONS")
    for path in ("/u/1", "/u/1/", "/v/1", "/v/1/"):
        assert params(router, path) == {"x": "1"}
        assert router.allowed_methods(path) == ("GET", "HEAD", "OPTIONS")
        assert router.slash_twin("GET", path) is None
    assert params(router, "/f/a/b/") == {"p": "a/b"}
    assert found(router, "/") == "/"
    assert found(router, "//") is None
    for duplicate in ("/a/", "/b", "/u/<y>/", "/v/<y>"):
        with pytest.raises(RouteError, match="matches the same paths"):
            router.add(Route(duplicate, handler, endpoint="new"))


@pytest.mark.parametrize("policy", ["", "Strict", "redirct", None])
def test_an_unknown_slash_policy_is_refused(policy: object) -> None:
    with pytest.raises(RouteError, match="'strict', 'redirect', 'ignore'"):
        Router(trailing_slash=policy)  # ty: ignore[invalid-argument-type]
    with pytest.raises(RouteError, match=r"Did you mean 'redirect'\?"):
        Router(trailing_slash="redirct")


# --- Registration -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("/a", "/a"),
        ("/a/<x>", "/a/<y>"),
        ("/a/<x>", "/a/<str:y>"),
        ("/<int:x>/b", "/<int:y>/b"),
        ("/v<int:x>.<y>", "/v<int:a>.<b>"),
        ("/f/<path:x>", "/f/<path:y>"),
        ("/f/<path:x>/e", "/f/<path:y>/e"),
    ],
)
def test_a_duplicate_names_both_routes(first: str, second: str) -> None:
    router = Router()
    router.add(Route(first, handler, endpoint="first"))
    with pytest.raises(RouteError) as caught:
        router.add(Route(second, other_handler, endpoint="second"))
    message = str(caught.value)
    for part in (
        f"GET {second!r} (endpoint 'second', {Route(second, other_handler).source})",
        f"{first!r} (endpoint 'first', {Route(first, handler).source})",
    ):
        assert part in message
    router.add(Route(second, other_handler, endpoint="second", methods=["POST"]))
    assert len(router.routes) == 2


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("/a/<int:x>", "/a/<x>"),
        ("/a/<int:x>", "/a/<float:x>"),
        ("/a/<x>", "/a/<path:x>"),
        ("/a/<x>", "/a/<x>/"),
        ("/a", "/A"),
        ("/a/b<x>", "/a/c<x>"),
        ("/<path:x>/a", "/<path:x>/b"),
    ],
)
def test_rules_that_differ_are_no_duplicates(first: str, second: str) -> None:
    assert len(router_of(first, second).routes) == 2


def test_a_refused_route_leaves_the_router_as_it_was() -> None:
    router = router_of("/a/<x>")
    refused = Route("/a/<y>", other_handler, methods=["POST", "GET", "DELETE"], endpoint="new")
    with pytest.raises(RouteError):
        router.add(refused)
    assert router.allowed_methods("/a/1") == ("GET", "HEAD", "OPTIONS")
    router.add(Route("/b", handler, endpoint="new"))  # the name was not taken
    assert [route.path for route in router.routes] == ["/a/<x>", "/b"]


def test_an_outcome_is_not_registered() -> None:
    with pytest.raises(RouteError, match="has no methods"):
        Router().add(Route("/a", handler, methods=()))


# --- Route ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Note(Policy):
    text: str


@dataclass(frozen=True)
class LoudNote(Note):
    pass


@dataclass(frozen=True)
class Unused(Policy):
    pass


def test_policies_are_read_from_the_handler_whenever_they_come() -> None:
    def view() -> None: ...

    route = Route("/", view)
    assert route.policies == ()
    assert route.policy(Note) is None
    attach_policy(view, Note("late"))
    attach_policy(view, LoudNote("later"))
    assert set(route.policies) == {Note("late"), LoudNote("later")}
    assert route.policies_of(LoudNote) == (LoudNote("later"),)
    assert len(route.policies_of(Note)) == 2
    assert route.policy(LoudNote) == LoudNote("later")
    assert route.policy(Unused) is None
    assert Route("/x", view, policies=[Unused()]).policies == (Unused(), *route.policies)
    assert route.policies_of(Unused) == ()


def test_a_route_has_defaults_and_a_repr() -> None:
    route = Route("/a", handler, methods=["GET", "POST"])
    assert route.endpoint == "handler"
    assert route.blocking is True
    assert route.is_websocket is False
    assert route.max_body is None
    assert not hasattr(route, "pipeline")  # until it is compiled
    assert route.is_head_automatic is True
    assert repr(route) == "<Route '/a' GET,HEAD,POST -> handler>"
    assert Route("/a", handler, methods=["GET", "HEAD"]).is_head_automatic is False
    assert Route("", handler, methods=()).methods == frozenset()
    assert not hasattr(route, "__dict__")


class CallableView:
    def __call__(self) -> None: ...


@pytest.mark.parametrize(
    ("view", "name", "source"),
    [
        (handler, "handler", f"test_routing.py:{handler.__code__.co_firstlineno}"),
        (functools.partial(functools.partial(handler)), "handler", "test_routing.py:"),
        (CallableView(), "CallableView", "test_routing.py:"),
        (CallableView().__call__, "__call__", "test_routing.py:"),
        (len, "len", "builtins.len"),
        (dict, "dict", "builtins.dict"),
    ],
)
def test_a_route_says_where_its_handler_is(
    view: Callable[..., object], name: str, source: str
) -> None:
    route = Route("/", view)
    assert route.endpoint == name
    assert source in route.source


def test_the_source_of_a_wrapped_handler_is_the_handler() -> None:
    @functools.wraps(handler)
    def wrapper() -> None: ...

    assert Route("/", wrapper).source == Route("/", handler).source


@pytest.mark.parametrize(
    "methods", ["GET", ["GE T"], [""], [None], ["GET\n"], [b"GET"], ["ÉCRIRE"]]
)
def test_methods_are_checked(methods: object) -> None:
    with pytest.raises(RouteError, match=r"methods of '/a' is a list|is not an HTTP method"):
        Route("/a", handler, methods=methods)  # ty: ignore[invalid-argument-type]


def test_the_pseudo_method_is_not_an_http_method() -> None:
    with pytest.raises(RouteError, match=r"app\.websocket"):
        Route("/a", handler, methods=["websocket"])


@pytest.mark.parametrize("max_body", [-1, True, "5", 1.5])
def test_max_body_is_checked(max_body: object) -> None:
    with pytest.raises(RouteError, match="max_body of '/a' is a number of bytes"):
        Route("/a", handler, max_body=max_body)  # ty: ignore[invalid-argument-type]


def test_a_handler_is_callable() -> None:
    with pytest.raises(RouteError, match="must be callable"):
        Route("/a", "handler")  # ty: ignore[invalid-argument-type]


# --- Many routes ------------------------------------------------------------------------------


def test_ten_thousand_routes() -> None:
    shapes: list[tuple[str, str, dict[str, object] | None]] = [
        ("/s{}/about", "/s{}/about", None),
        ("/u{}/<int:id>", "/u{}/7", {"id": 7}),
        ("/u{}/<name>", "/u{}/ada", {"name": "ada"}),
        ("/f{}/<path:p>", "/f{}/a/b", {"p": "a/b"}),
        ("/m{}-<name>.json", "/m{}-ada.json", {"name": "ada"}),
        ("/<name>.{}x", "/ada.{}x", {"name": "ada"}),
        ("/deep/<a>/{}/<int:b>", "/deep/q/{}/5", {"a": "q", "b": 5}),
        ("/<path:p>/end{}", "/a/b/end{}", {"p": "a/b"}),
    ]
    routes = [
        Route(rule.format(i), handler, endpoint=rule.format(i))
        for i in range(1250)
        for rule, _, _ in shapes
    ]
    random.Random(1).shuffle(routes)
    router = Router()
    for route in routes:
        router.add(route)
    assert len(router.routes) == 10_000
    for i in range(0, 1250, 7):
        for rule, path, expected in shapes:
            match = router.match("GET", path.format(i))
            assert match is not None, path.format(i)
            assert match.route.endpoint == rule.format(i)
            assert match.params == expected
    assert router.match("GET", "/u1/7/8") is None
    assert router.allowed_methods("/u1250/7") == ()
