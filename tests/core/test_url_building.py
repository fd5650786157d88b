"""From an endpoint and parameters to a URL (CORE-8), and back."""

from __future__ import annotations

import uuid
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from flasgo.errors import BuildError, RouteError
from flasgo.routing import Converter, Route, Router, is_clean_path
from hypothesis import given, strategies as st

UUID = uuid.UUID("0188c0de-7e57-7abc-8def-0123456789ab")


def handler() -> None:
    """Stand for a handler."""


def other_handler() -> None:
    """Stand for another one."""


def router_of(*rules: str, trailing_slash: str = "redirect") -> Router:
    router = Router(trailing_slash=trailing_slash)
    for rule in rules:
        router.add(Route(rule, handler, endpoint="page"))
    return router


@pytest.mark.parametrize(
    ("rule", "params", "url"),
    [
        ("/", {}, "/"),
        ("/a/b", {}, "/a/b"),
        ("/a/b/", {}, "/a/b/"),
        ("/u/<int:id>", {"id": 5}, "/u/5"),
        ("/u/<int:id>/", {"id": 5}, "/u/5/"),
        ("/u/<id>", {"id": 5}, "/u/5"),
        ("/u/<name>", {"name": "Zoë B"}, "/u/Zo%C3%AB%20B"),
        ("/u/<name>", {"name": "a?b#c%d"}, "/u/a%3Fb%23c%25d"),
        ("/u/<name>", {"name": "<\"'&>"}, "/u/%3C%22%27%26%3E"),
        ("/u/<name>", {"name": "a%2Fb"}, "/u/a%252Fb"),
        ("/u/<name>", {"name": "\\evil.example"}, "/u/%5Cevil.example"),
        ("/<name>", {"name": "\\evil.example"}, "/%5Cevil.example"),
        ("/@<name>", {"name": "ada"}, "/@ada"),
        ("/v<int:major>.<int:minor>.json", {"major": 1, "minor": 20}, "/v1.20.json"),
        ("/<slug>-<int:id>", {"slug": "my-post", "id": 7}, "/my-post-7"),
        ("/p/<float:x>", {"x": 0.5}, "/p/0.5"),
        ("/o/<uuid:id>", {"id": UUID}, f"/o/{UUID}"),
        ("/f/<path:p>", {"p": "a/b c/d.txt"}, "/f/a/b%20c/d.txt"),
        ("/f/<path:p>/edit", {"p": "a/b"}, "/f/a/b/edit"),
        ("/café/<name>", {"name": "x"}, "/caf%C3%A9/x"),
        ("/100%", {}, "/100%25"),
        ("/a b", {}, "/a%20b"),
    ],
)
def test_build(rule: str, params: dict[str, object], url: str) -> None:
    router = router_of(rule)
    assert router.build("page", params) == url
    match = router.match("GET", unquote(url))
    assert match is not None
    assert (match.params or {}).keys() == params.keys()


@pytest.mark.parametrize(
    ("params", "query"),
    [
        ({"q": "a b"}, [("q", "a b")]),
        ({"q": "a&b=c#d"}, [("q", "a&b=c#d")]),
        ({"q": ["x", 2], "n": 1}, [("q", "x"), ("q", "2"), ("n", "1")]),
        ({"q": ("x", None, "y")}, [("q", "x"), ("q", "y")]),
        ({"q": ""}, [("q", "")]),
        ({"q": None}, []),
        ({"q": []}, []),
        ({"ü": "é"}, [("ü", "é")]),
    ],
)
def test_parameters_that_are_not_in_the_rule_become_the_query(
    params: dict[str, object], query: list[tuple[str, str]]
) -> None:
    url = router_of("/u/<int:id>").build("page", {"id": 1, **params})
    parts = urlsplit(url)
    assert parts.path == "/u/1"
    assert parse_qsl(parts.query, keep_blank_values=True) == query
    assert url.endswith("?") is False


@pytest.mark.parametrize(
    ("rule", "params", "message"),
    [
        ("/u/<int:id>", {"id": -1}, "'id' cannot be -1"),
        ("/u/<int:id>", {"id": "x"}, "'id' cannot be 'x'"),
        ("/u/<int:id>", {"id": True}, "a bool is not an int"),
        ("/u/<name>", {"name": ""}, "empty segment"),
        ("/u/<name>", {"name": "a/b"}, "use <path:...>"),
        ("/u/<name>", {"name": "."}, "would not be routed"),
        ("/u/<name>", {"name": ".."}, "would not be routed"),
        ("/u/.<name>", {"name": "."}, "would not be routed"),
        ("/u/<name>", {"name": "a\nb"}, "would not be routed"),
        ("/u/<name>", {"name": "a\x00"}, "would not be routed"),
        ("/u/<name>", {"name": "\ud800"}, "would not be routed"),
        ("/u/<name>", {"name": b"x"}, "bytes has no text"),
        ("/f/<path:p>", {"p": "/etc/passwd"}, "no '/' in front"),
        ("/f/<path:p>", {"p": "../x"}, "would not be routed"),
        ("/f/<path:p>", {"p": "a/./b"}, "would not be routed"),
        ("/f/<path:p>", {"p": "a/.."}, "would not be routed"),
        ("/f/<path:p>", {"p": "a//b"}, "no empty segment"),
        ("/<path:p>", {"p": "/evil.example"}, "no '/' in front"),
        ("/<path:p>/", {"p": "a/"}, "would not be routed"),
        ("/<a>-<b>", {"a": "x-y", "b": "z"}, "told apart"),
        ("/u/<int:id>", {"id": 1, "q": "\ud800"}, "query cannot be encoded"),
    ],
)
def test_impossible_values_are_refused(rule: str, params: dict[str, object], message: str) -> None:
    with pytest.raises(BuildError, match=message) as caught:
        router_of(rule).build("page", params)
    assert caught.value.endpoint == "page"
    assert rule in str(caught.value)


def test_an_unknown_endpoint_is_named_with_a_suggestion() -> None:
    with pytest.raises(BuildError, match=r"'pgae'\. Did you mean 'page'\?") as caught:
        router_of("/").build("pgae", {})
    assert caught.value.endpoint == "pgae"
    with pytest.raises(BuildError, match="No route has the endpoint 'x'"):
        Router().build("x", {})


def test_missing_parameters_are_named() -> None:
    router = router_of("/u/<int:id>/<name>")
    with pytest.raises(BuildError, match=r"missing 'id', 'name'; given: nothing"):
        router.build("page", {})
    with pytest.raises(BuildError, match=r"missing 'name'; given: 'id', 'nmae'\. Did you mean"):
        router.build("page", {"id": 1, "nmae": "x"})
    with pytest.raises(BuildError, match="missing 'name'"):
        router.build("page", {"id": 1, "name": None})


@pytest.mark.parametrize("reverse", [False, True])
def test_of_several_rules_the_one_with_most_parameters_is_filled(reverse: bool) -> None:
    rules = ["/list", "/list/<int:year>", "/list/<int:year>/<int:month>"]
    router = router_of(*(reversed(rules) if reverse else rules))
    assert router.build("page", {}) == "/list"
    assert router.build("page", {"year": 2024}) == "/list/2024"
    assert router.build("page", {"year": 2024, "month": 5}) == "/list/2024/5"
    assert router.build("page", {"month": 5}) == "/list?month=5"


def test_a_refused_value_does_not_end_up_in_the_query_of_another_rule() -> None:
    router = router_of("/list", "/list/<int:year>")
    with pytest.raises(BuildError, match="'year' cannot be 'x'"):
        router.build("page", {"year": "x"})


def test_rules_with_the_same_parameters_are_alternatives() -> None:
    router = router_of("/u/<int:key>", "/n/<key>")
    assert router.build("page", {"key": 5}) == "/u/5"
    assert router.build("page", {"key": "ada"}) == "/n/ada"


def test_of_rules_without_parameters_the_first_registered_is_built() -> None:
    assert router_of("/new", "/old").build("page", {}) == "/new"


def test_websocket_routes_have_urls() -> None:
    router = Router()
    router.add(Route("/ws/<room>", handler, is_websocket=True))
    assert router.build("handler", {"room": "a b"}) == "/ws/a%20b"


def test_the_form_as_registered_is_built_under_every_policy() -> None:
    for policy in ("strict", "redirect", "ignore"):
        assert router_of("/a/", trailing_slash=policy).build("page", {}) == "/a/"


@pytest.mark.parametrize("built", ["", "a/b", "..", "\n", None, 5, "\ud800"])
def test_a_custom_converter_cannot_break_out_of_its_segment(built: object) -> None:
    class Rogue(Converter):
        def build(self, value: object) -> str:
            return built  # ty: ignore[invalid-explicit-return]

    router = Router({"rogue": Rogue})
    router.add(Route("/x/<rogue:v>", handler, endpoint="page"))
    with pytest.raises(BuildError, match=r"/x/<rogue:v>"):
        router.build("page", {"v": 1})


def test_building_changes_nothing() -> None:
    params = {"id": 1, "q": ["a"]}
    router_of("/u/<int:id>").build("page", params)
    assert params == {"id": 1, "q": ["a"]}


SEGMENT = st.text(st.characters(exclude_characters="/"), min_size=1, max_size=12)
PATH = st.lists(SEGMENT, min_size=1, max_size=4).map("/".join)
SMALL = st.integers(0, 999)
RULES = {
    "/s/<s>": {"s": SEGMENT},
    "/i/<int:i>/x": {"i": st.integers(0, 2**63 - 1)},
    "/f/<float:f>": {"f": st.integers(0, 10**12).map(lambda number: number / 1000)},
    "/u/<uuid:u>/": {"u": st.uuids()},
    "/p/<path:p>": {"p": PATH},
    "/p2/<path:p>/end/<int:i>": {"p": PATH, "i": SMALL},
    "/m/v<int:i>.<s>": {"i": SMALL, "s": SEGMENT},
    "/m/<s>-<uuid:u>-<int:i>": {"s": SEGMENT, "u": st.uuids(), "i": SMALL},
    "/m/<s>--<t>.json": {"s": SEGMENT, "t": SEGMENT},
}


@pytest.mark.parametrize("rule", RULES)
@given(data=st.data())
def test_round_trip(rule: str, data: st.DataObject) -> None:
    """What can be built is matched again, with equal values; the URL is one plain path."""
    router = router_of(rule)
    params = data.draw(st.fixed_dictionaries(RULES[rule]))
    try:
        url = router.build("page", params)
    except BuildError:
        texts = [str(params[name]) for name in ("s", "t", "p") if name in params]
        # Only these can be refused; all other values have a URL.
        is_unclean = not is_clean_path("/" + "/".join(texts))
        assert is_unclean or ("--" in rule and any("-" in text for text in texts))
        return
    assert url.isascii()
    assert url.startswith("/")
    assert not url.startswith("//")
    assert urlsplit(url).path == url
    match = router.match("GET", unquote(url))
    assert match is not None, url
    assert match.params == params


@given(st.text(max_size=20), st.sampled_from(["/<x>", "/<path:x>", "/a/<x>", "/.<x>", "/<x>/"]))
def test_no_value_leads_off_the_host(value: str, rule: str) -> None:
    router = router_of(rule)
    try:
        url = router.build("page", {"x": value})
    except BuildError:
        return
    assert url[0] == "/"
    assert url[1] not in "/\\"
    assert not set(url) & set("\\ \t\r\n?#\"'<>")
    assert router.match("GET", unquote(url)) is not None


# --- Endpoints: the names that URLs are built from ---


def test_an_endpoint_belongs_to_one_handler() -> None:
    router = Router()
    router.add(Route("/a", handler))
    router.add(Route("/b", handler))
    with pytest.raises(RouteError) as caught:
        router.add(Route("/c", other_handler, endpoint="handler"))
    message = str(caught.value)
    for part in ("'handler'", "'/c'", "'/a'", Route("/", handler).source, "pass endpoint="):
        assert part in message
    assert len(router.routes) == 2
    assert router.match("GET", "/c") is None
    router.add(Route("/c", other_handler))


def test_a_bound_method_is_one_handler() -> None:
    class Views:
        def page(self) -> None: ...

    views = Views()
    router = Router()
    router.add(Route("/a", views.page))
    router.add(Route("/b", views.page))
    with pytest.raises(RouteError, match="belongs to another handler"):
        router.add(Route("/c", Views().page))


@pytest.mark.parametrize("endpoint", ["", 5])
def test_an_endpoint_is_a_name(endpoint: object) -> None:
    with pytest.raises(RouteError, match="is a name"):
        Router().add(Route("/a", handler, endpoint=endpoint))  # ty: ignore[invalid-argument-type]
