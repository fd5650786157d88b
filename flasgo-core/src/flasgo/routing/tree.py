"""The segment tree: finds the route of a path with parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TypeAlias

from flasgo.routing.converters import REFUSALS, StringConverter, report_fault
from flasgo.routing.route import Match, Route
from flasgo.routing.rule import Rule
from flasgo.routing.segment import Segment

__all__ = ["Branch", "Leaf", "MixedIndex", "Node", "collect", "find"]

Leaf: TypeAlias = tuple[Route, tuple[str, ...]]
"""A route, and the names of its parameters in the order of the rule."""


class Branch:
    """A way on from a node for segments that are not plain text.

    Attributes:
        rank: The sort key of precedence.
        convert: Turns text into a value; None keeps the text.
        cut: Takes away the text around a single parameter; None where there is none.
        split: Turns text into several values, where a segment has several parameters.
        after: For values that span segments, how many segments of the rule follow.
        node: Where the way leads.
    """

    __slots__ = ("after", "convert", "cut", "node", "rank", "split")

    def __init__(self, segment: Segment, after: int) -> None:
        # A parameter that spans segments is more specific with more of the rule behind it.
        self.rank = (-after, segment.rank) if segment.spans else segment.rank
        self.after = after
        self.node = Node()
        self.convert: Callable[[str], object] | None = None
        self.cut: slice | None = None
        self.split: Callable[[str], list[object]] | None = None
        if len(segment.parameters) > 1:
            self.split = segment.convert
            return
        converter = segment.parameters[0].converter
        if type(converter) is not StringConverter:  # PERF: the plain <name> needs no call at all
            self.convert = converter.convert
        if not segment.is_whole:
            self.cut = slice(len(segment.prefix), -len(segment.suffix) or None)

    def read(self, text: str) -> tuple[object, ...] | None:
        """Return the values in a text, or None where a converter refuses it.

        Args:
            text: One segment or, for values that span segments, several. Prefix and suffix fit.
        """
        if self.cut is not None:
            text = text[self.cut]
        try:
            if self.convert is not None:
                return (self.convert(text),)
            return (text,) if self.split is None else tuple(self.split(text))
        except REFUSALS:
            return None
        except Exception as error:  # noqa: BLE001 - whatever user code raises
            report_fault(error)
            return None


class MixedIndex:
    """The mixed segments of a node, found by prefix and then suffix without trying each.

    A look-up costs as many dict accesses as there are different lengths of prefixes.
    """

    __slots__ = ("_by_prefix",)

    def __init__(self) -> None:
        # The length of the prefix, the prefix, the length of the suffix, the suffix.
        self._by_prefix: dict[int, dict[str, dict[int, dict[str, list[Branch]]]]] = {}

    def add(self, segment: Segment, branch: Branch) -> None:
        """Add the branch of a mixed segment."""
        by_text = self._by_prefix.setdefault(len(segment.prefix), {})
        by_suffix = by_text.setdefault(segment.prefix, {})
        by_end = by_suffix.setdefault(len(segment.suffix), {})
        by_end.setdefault(segment.suffix, []).append(branch)

    def candidates(self, text: str) -> list[Branch]:
        """Return the branches whose prefix and suffix `text` has, in no order."""
        found: list[Branch] = []
        for head, by_text in self._by_prefix.items():
            by_suffix = by_text.get(text[:head])
            if by_suffix is not None:
                for tail, by_end in by_suffix.items():
                    if head + tail < len(text):
                        found += by_end.get(text[len(text) - tail :], ())
        return found


class Node:
    """A place in the tree: what has been read so far, and the ways on.

    Attributes:
        static: The next node for each plain text.
        whole: Branches of parameters that fill a segment, by precedence.
        mixed: Branches of segments that mix text and parameters, if there are any.
        spanning: Branches of parameters that span segments, by precedence.
        has_branches: Whether there are branches at all.
        only: The one branch, where there is one alone and it fills a segment.
        leaves: What ends here, by method.
    """

    __slots__ = (
        "_branches",
        "has_branches",
        "leaves",
        "mixed",
        "only",
        "spanning",
        "static",
        "whole",
    )

    def __init__(self) -> None:
        self.static: dict[str, Node] = {}
        self.whole: tuple[Branch, ...] = ()
        self.mixed: MixedIndex | None = None
        self.spanning: tuple[Branch, ...] = ()
        self.has_branches = False
        self.only: Branch | None = None
        self.leaves: dict[str, Leaf] = {}
        self._branches: dict[object, Branch] = {}

    def insert(self, rule: Rule) -> Node:
        """Return the node of a rule, making those that are missing.

        Args:
            rule: A rule with at least one parameter.
        """
        node = self
        for index, segment in enumerate(rule.segments):
            node = node._child(segment, len(rule.segments) - index - 1)
        return node

    def _child(self, segment: Segment, after: int) -> Node:
        """Return the next node for a segment that has `after` more behind it in its rule."""
        if segment.is_static:
            return self.static.setdefault(segment.prefix, Node())
        key = (segment.key, after if segment.spans else 0)
        branch = self._branches.get(key)
        if branch is None:
            branch = self._branches[key] = Branch(segment, after)
            self._attach(segment, branch)
        return branch.node

    def _attach(self, segment: Segment, branch: Branch) -> None:
        if segment.spans:
            self.spanning = _by_rank((*self.spanning, branch))
        elif segment.is_whole:
            self.whole = _by_rank((*self.whole, branch))
        else:
            self.mixed = self.mixed or MixedIndex()
            self.mixed.add(segment, branch)
        self.has_branches = True
        is_alone = len(self.whole) == 1 and self.mixed is None and not self.spanning
        self.only = self.whole[0] if is_alone else None

    def options(self, text: str) -> Sequence[Branch]:
        """Return the branches to try for one segment of a path, by precedence."""
        if self.mixed is None:
            return self.whole
        candidates = self.mixed.candidates(text)
        if not candidates:
            return self.whole
        if len(candidates) == 1 and not self.whole:
            return candidates
        return _by_rank((*candidates, *self.whole))


def _by_rank(branches: Sequence[Branch]) -> tuple[Branch, ...]:
    return tuple(sorted(branches, key=attrgetter("rank")))


def find(
    node: Node, segments: list[str], index: int, method: str, values: tuple[object, ...]
) -> Match | None:
    """Return the first match by precedence, going back where a way leads nowhere.

    A node is visited at most once for a path, and only where the text before it fitted.

    Args:
        node: Where to begin.
        segments: What `path.split("/")` gives; the text before the first slash counts as read.
        index: How many of them have been read.
        method: The method that a leaf must have.
        values: The values read so far.
    """
    # PERF: the loop goes on without a call as long as there is one way on.
    count = len(segments)
    while index < count:
        text = segments[index]
        child = node.static.get(text)
        if not node.has_branches:
            if child is None:
                return None
            node = child
            index += 1
            continue
        if child is not None:
            match = find(child, segments, index + 1, method, values)
            if match is not None:
                return match
        if not text:  # behind the last slash; no parameter is empty
            return None
        only = node.only
        if only is None:
            return _find_by_branch(node, segments, index, method, values)
        if only.convert is None:
            values = (*values, text)
        else:
            try:
                values = (*values, only.convert(text))
            except REFUSALS:
                return None
            except Exception as error:  # noqa: BLE001 - whatever user code raises
                report_fault(error)
                return None
        node = only.node
        index += 1
    leaf = node.leaves.get(method)
    return None if leaf is None else _match(leaf, values)


def _find_by_branch(
    node: Node, segments: list[str], index: int, method: str, values: tuple[object, ...]
) -> Match | None:
    """Go on through each branch of a node in turn."""
    text = segments[index]
    index += 1
    is_last = index == len(segments)
    for branch in node.whole if node.mixed is None else node.options(text):
        # PERF: behind the last segment a branch without the method is not worth a conversion.
        if is_last and method not in branch.node.leaves:
            continue
        read = branch.read(text)
        if read is not None:
            match = find(branch.node, segments, index, method, values + read)
            if match is not None:
                return match
    for branch in node.spanning:
        end = len(segments) - branch.after
        if end >= index:
            read = branch.read("/".join(segments[index - 1 : end]))
            if read is not None:
                match = find(branch.node, segments, end, method, values + read)
                if match is not None:
                    return match
    return None


def _match(leaf: Leaf, values: tuple[object, ...]) -> Match:
    route, names = leaf
    # PERF: tuple.__new__ saves the call that NamedTuple's own constructor makes; so do literals.
    if len(names) == 1:
        return tuple.__new__(Match, (route, {names[0]: values[0]}))
    if len(names) == 2:
        return tuple.__new__(Match, (route, {names[0]: values[0], names[1]: values[1]}))
    return Match(route, dict(zip(names, values, strict=True)))


def collect(node: Node, segments: list[str], index: int, methods: set[str]) -> None:
    """Add the methods of every route that a path fits.

    Args:
        node: Where to begin.
        segments: As for `find`.
        index: How many of them have been read.
        methods: Takes the result.
    """
    if index == len(segments):
        methods.update(node.leaves)
        return
    text = segments[index]
    child = node.static.get(text)
    if child is not None:
        collect(child, segments, index + 1, methods)
    if not text:
        return
    for branch in node.options(text):
        if branch.read(text) is not None:
            collect(branch.node, segments, index + 1, methods)
    for branch in node.spanning:
        end = len(segments) - branch.after
        if end > index and branch.read("/".join(segments[index:end])) is not None:
            collect(branch.node, segments, end, methods)
