"""The router agrees with a model that tries every rule as a regular expression."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, unquote
from uuid import UUID

from flasgo.errors import RouteError
from flasgo.routing.route import Route
from flasgo.routing.router import Router
from hypothesis import given, strategies as st

from .profile import bounded

# What a rule's segment may be: the pattern of its texts, what makes the value, and the rank among
# the segments of one place (smaller is tried first).
_UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
SEGMENTS: dict[str, tuple[str, Callable[[str], object] | None, tuple[int, int]]] = {
    "a": ("a", None, (0, 0)),
    "b": ("b", None, (0, 0)),
    "7": ("7", None, (0, 0)),
    "<any(a,x):{}>": ("(a|x)", str, (1, 0)),
    "v<int:{}>": ("v([0-9]+)", int, (2, -1)),
    "<int:{}>": ("([0-9]+)", int, (2, 0)),
    "<uuid:{}>": (f"({_UUID})", UUID, (2, 1)),
    "<float:{}>": (r"([0-9]+(?:\.[0-9]+)?)", float, (3, 0)),
    "a<{}>.x": (r"a([^/]+)\.x", str, (4, -3)),
    "a<{}>": ("a([^/]+)", str, (4, -1)),
    "<{}>": ("([^/]+)", str, (4, 0)),
    "<path:{}>": ("([^/].*)", str, (5, 0)),
}
TEXTS = [
    *("a", "b", "x", "7", "v7", "v", "07", "1.5", "a.x", "ab.x", "é", " ", "%41", ".", "..", ""),
    "11111111-2222-3333-4444-555555555555",
]
METHODS = ["GET", "POST", "PUT"]
_UNCLEAN = re.compile(r"//|/\.{1,2}(/|\Z)")


@dataclass(frozen=True)
class Rule:
    """A rule of the model."""

    kinds: tuple[str, ...]
    slash: bool
    method: str

    @property
    def text(self) -> str:
        parts = [kind.format(f"p{number}") for number, kind in enumerate(self.kinds)]
        return "/" + "/".join(parts) + ("/" if self.slash else "")

    @property
    def pattern(self) -> str:
        parts = "/".join(SEGMENTS[kind][0] for kind in self.kinds)
        return f"/{parts}{'/' if self.slash else ''}"

    def values(self, path: str) -> dict[str, object] | None:
        """Return the parameters when the path fits."""
        found = re.fullmatch(self.pattern, path, re.ASCII)
        if found is None:
            return None
        makers = [
            (f"p{number}", make)
            for number, kind in enumerate(self.kinds)
            if (make := SEGMENTS[kind][1]) is not None
        ]
        texts = zip(makers, found.groups(), strict=True)
        return {name: make(text) for (name, make), text in texts}

    @property
    def rank(self) -> list[object]:
        """Plain text first, segment by segment; of rules that span, those with more behind."""
        ranks: list[object] = []
        for number, kind in enumerate(self.kinds):
            after = len(self.kinds) + self.slash - number - 1
            ranks.append((*SEGMENTS[kind][2], -after if "<path:" in kind else 0))
        return ranks


RULES = st.builds(
    Rule,
    st.lists(st.sampled_from(sorted(SEGMENTS)), min_size=1, max_size=4)
    .map(tuple)
    .filter(lambda kinds: kinds.count("<path:{}>") < 2),
    st.booleans(),
    st.sampled_from(METHODS),
)
PATHS = st.lists(st.sampled_from(TEXTS), min_size=1, max_size=5).map(lambda p: "/" + "/".join(p))


async def handler() -> None:
    """Answer nothing."""


def built(rules: list[Rule], trailing_slash: str) -> tuple[Router, list[Rule]]:
    """Return a router and the rules that it has taken: of equal ones the first."""
    router, taken = Router(trailing_slash=trailing_slash), []
    for number, rule in enumerate(rules):
        try:
            router.add(Route(rule.text, handler, methods=(rule.method,), endpoint=f"e{number}"))
        except RouteError:
            same = [(rule.kinds, rule.method) == (other.kinds, other.method) for other in taken]
            assert any(same), rule
        else:
            taken.append(rule)
    return router, taken


@bounded(100)
@given(rules=st.lists(RULES, max_size=12), paths=st.lists(PATHS, max_size=12))
def test_strict(rules: list[Rule], paths: list[str]) -> None:
    router, taken = built(rules, "strict")
    for path in paths:
        for method in METHODS:
            fitting = [
                (rule.rank, rule)
                for rule in taken
                if rule.method == method and rule.values(path) is not None
            ]
            found = router.match(method, path)
            if _UNCLEAN.search(path) or not fitting:
                assert found is None, (path, found)
                continue
            best = min(fitting, key=lambda pair: pair[0])[1]
            assert found is not None, (path, best)
            assert found.route.path == best.text
            assert dict(found.params or {}) == best.values(path)
    for path in paths:
        methods = {rule.method for rule in taken if rule.values(path) is not None}
        expected = set() if _UNCLEAN.search(path) else methods
        # HEAD follows GET, OPTIONS whatever there is.
        more = ({"HEAD"} if "GET" in expected else set()) | ({"OPTIONS"} if expected else set())
        assert set(router.allowed_methods(path)) == expected | more


@bounded(60)
@given(rules=st.lists(RULES, max_size=12), paths=st.lists(PATHS, max_size=12))
def test_redirect_and_ignore(rules: list[Rule], paths: list[str]) -> None:
    strict, taken = built(rules, "strict")
    redirect, _ = built(rules, "redirect")
    ignore, ignored = built(rules, "ignore")
    for path in paths:
        other = path[:-1] if path.endswith("/") else path + "/"
        for method in METHODS:
            here, there = strict.match(method, path), strict.match(method, other)
            assert (redirect.match(method, path) is None) == (here is None)
            twin = redirect.slash_twin(method, path)
            expected = None
            if here is None and there is not None and not _UNCLEAN.search(path) and path != "/":
                expected = quote(other, safe="/!$*+,:;=@~")
            assert twin == expected, path
            if twin is not None:
                assert unquote(twin) == other
            # Both forms are one: whatever is found with a slash is found without.
            if not _UNCLEAN.search(path) and not _UNCLEAN.search(other) and other and path != "/":
                ours, theirs = ignore.match(method, path), ignore.match(method, other)
                assert (ours and ours.route) is (theirs and theirs.route), path
    assert len(ignored) <= len(taken)
