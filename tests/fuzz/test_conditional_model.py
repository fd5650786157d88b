"""Conditional requests and ranges of a file agree with a small model of RFC 9110, 13 and 14."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from flasgo import FileResponse, Flasgo, Request
from flasgo_testing import TestClient
from hypothesis import example, given, strategies as st

from .profile import bounded

CONTENT = bytes(range(256)) * 3 + b"the end"
SIZE = len(CONTENT)
MODIFIED = 1_600_000_000
DATES = {
    MODIFIED - 1: "Sun, 13 Sep 2020 12:26:39 GMT",
    MODIFIED: "Sun, 13 Sep 2020 12:26:40 GMT",
    MODIFIED + 1: "Sun, 13 Sep 2020 12:26:41 GMT",
}
OBSOLETE = {
    MODIFIED: ["Sunday, 13-Sep-20 12:26:40 GMT", "Sun Sep 13 12:26:40 2020"],
}
NOT_DATES = [
    "yesterday",
    "1600000000",
    "Sun, 13 Sep 2020 12:26:40",
    "Sun, 31 Feb 2020 12:26:40 GMT",
]
TAGS = ['"one"', 'W/"one"', '"two"', 'W/"two"', '""', '"a,b"']


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    path = tmp_path_factory.mktemp("files") / "file.bin"
    path.write_bytes(CONTENT)
    os.utime(path, (MODIFIED, MODIFIED))
    return TestClient(make_app(path))


def make_app(path: Path) -> Flasgo:
    app = Flasgo(discover=False)

    @app.get("/file")
    async def file(request: Request) -> FileResponse:
        return FileResponse(path, headers={"ETag": request.query["etag"]})

    return app


@dataclass(frozen=True)
class Asked:
    """A request: what the headers mean, beside what they say."""

    method: str
    etag: str
    if_match: tuple[str, ...] | None
    if_none_match: tuple[str, ...] | None
    modified_since: int | str | None
    unmodified_since: int | str | None
    ranges: tuple[tuple[int | None, int | None], ...] | None
    if_range: str | int | None
    spelling: int

    def headers(self) -> list[tuple[str, str]]:
        sent: list[tuple[str, str]] = []
        for name, tags in (("If-Match", self.if_match), ("If-None-Match", self.if_none_match)):
            if tags is not None and self.spelling % 2 and "*" not in tags:
                sent += [(name, tag) for tag in tags]
            elif tags is not None:
                sent.append((name, ", ".join(tags)))
        for name, date in (
            ("If-Modified-Since", self.modified_since),
            ("If-Unmodified-Since", self.unmodified_since),
            ("If-Range", self.if_range),
        ):
            if isinstance(date, int):
                spelled = [DATES[date], *OBSOLETE.get(date, [])]
                sent.append((name, spelled[self.spelling % len(spelled)]))
            elif date is not None:
                sent.append((name, date))
        if self.ranges is not None:
            pieces = [
                f"{'' if first is None else first}-{'' if last is None else last}"
                for first, last in self.ranges
            ]
            sent.append(("Range", "bytes=" + (",", ", ")[self.spelling % 2].join(pieces)))
        return sent

    # --- The model -------------------------------------------------------------------------------

    def status(self) -> int:
        """Evaluate the preconditions as section 13.2.2 numbers them."""
        if self.if_match is not None:  # 1
            strong = not self.etag.startswith("W/")
            if self.if_match != ("*",) and not (strong and self.etag in self.if_match):
                return 412
        elif isinstance(self.unmodified_since, int) and self.unmodified_since < MODIFIED:  # 2
            return 412
        if self.if_none_match is not None:  # 3
            weak = {tag.removeprefix("W/") for tag in self.if_none_match}
            if self.if_none_match == ("*",) or self.etag.removeprefix("W/") in weak:
                return 304
        elif isinstance(self.modified_since, int) and self.modified_since >= MODIFIED:  # 4
            return 304
        return self._of_range()  # 5

    def _of_range(self) -> int:
        if self.method != "GET" or self.ranges is None or not self._applies():
            return 200
        if len(self.ranges) > 16:  # 14.2: a server may ignore what costs too much
            return 200
        if any(f is not None and e is not None and e < f for f, e in self.ranges):
            return 200  # 14.1.1: an invalid one makes the header invalid
        return 206 if self.wanted() else 416

    def _applies(self) -> bool:
        """13.1.5: compare strongly, a date exactly."""
        if self.if_range is None:
            return True
        if isinstance(self.if_range, int):
            return self.if_range == MODIFIED
        return self.if_range == self.etag and not self.etag.startswith("W/")

    def wanted(self) -> set[int]:
        """Return the positions of the bytes that are asked for."""
        found: set[int] = set()
        for first, last in self.ranges or ():
            if first is None:
                found |= set(range(max(0, SIZE - (last or 0)), SIZE))
            else:
                found |= set(range(first, SIZE if last is None else min(last + 1, SIZE)))
        return found


TAG_LISTS = (
    st.none() | st.just(("*",)) | st.lists(st.sampled_from(TAGS), min_size=1, max_size=3).map(tuple)
)
SOMETIMES = st.none() | st.sampled_from(sorted(DATES)) | st.sampled_from(NOT_DATES)
POSITIONS = st.integers(0, SIZE + 3) | st.sampled_from([0, 1, SIZE - 1, SIZE, SIZE + 1, 10**18])
RANGES = st.lists(
    st.tuples(POSITIONS, POSITIONS)
    | st.tuples(POSITIONS, st.none())
    | st.tuples(st.none(), POSITIONS),
    min_size=1,
    max_size=4,
).map(tuple)
ASKED = st.builds(
    Asked,
    st.sampled_from(["GET", "GET", "GET", "HEAD"]),
    st.sampled_from(TAGS),
    TAG_LISTS,
    TAG_LISTS,
    SOMETIMES,
    SOMETIMES,
    st.none() | RANGES,
    st.none() | st.sampled_from(TAGS) | st.sampled_from(sorted(DATES)) | st.just("x"),
    st.integers(0, 5),
)
ONLY_RANGES = st.builds(
    Asked,
    st.just("GET"),
    st.just('"one"'),
    st.none(),
    st.none(),
    st.none(),
    st.none(),
    RANGES,
    st.none() | st.sampled_from(['"one"', MODIFIED]),
    st.integers(0, 5),
)


@bounded(200)
@given(asked=ASKED | ONLY_RANGES)
@example(Asked("GET", '"one"', None, None, None, None, ((0, 0),) * 17, None, 0))
def test_status_and_bytes(client: TestClient, asked: Asked) -> None:
    answer = client.request(
        asked.method, "/file", params={"etag": asked.etag}, headers=asked.headers()
    )
    status = asked.status()
    assert answer.status_code == status, asked.headers()
    if status == 412:
        return
    if status == 416:
        assert answer.headers["content-range"] == f"bytes */{SIZE}"
        return
    # 15.4.5: what a 200 would have sent of these is in a 304 too.
    assert answer.headers["etag"] == asked.etag
    if status == 304 or asked.method == "HEAD":
        assert answer.content == b""
    elif status == 200:
        assert answer.content == CONTENT
    else:
        check_parts(asked, parts_of(answer.headers, answer.content))


def parts_of(headers: Mapping[str, str], body: bytes) -> list[tuple[str, bytes]]:
    """Return the Content-Range and the bytes of each part, taken apart as section 14.6 has it."""
    kind, given = headers["content-type"], headers.get("content-range")
    if given is not None:
        return [(given, body)]
    boundary = re.fullmatch(r"multipart/byteranges; boundary=([\w.-]+)", kind)
    assert boundary is not None, kind
    start, *parts, end = body.split(b"--" + boundary[1].encode())
    assert start.strip() == b""
    assert end.strip() == b"--"
    found = []
    for part in parts:
        head, _, content = part.partition(b"\r\n\r\n")
        ranged = re.search(rb"(?im)^content-range: (.+?)\r?$", head)
        assert ranged is not None
        found.append((ranged[1].decode(), content.removesuffix(b"\r\n")))
    return found


def check_parts(asked: Asked, parts: list[tuple[str, bytes]]) -> None:
    """All that was asked for comes, little else, nothing twice, and the right bytes."""
    wanted, sent = asked.wanted(), set()
    for ranged, content in parts:
        found = re.fullmatch(rf"bytes (\d+)-(\d+)/{SIZE}", ranged)
        assert found is not None, ranged
        first, last = int(found[1]), int(found[2])
        assert CONTENT[first : last + 1] == content
        assert not sent & set(range(first, last + 1))
        sent |= set(range(first, last + 1))
    assert wanted <= sent
    # 14.2: parts with a small gap between them may be joined.
    assert all(near(n, wanted) for n in sent - wanted)


def near(position: int, wanted: set[int]) -> bool:
    """Whether there is a wanted byte at most 128 before and after."""
    return any(position - n in wanted for n in range(1, 129)) and any(
        position + n in wanted for n in range(1, 129)
    )
