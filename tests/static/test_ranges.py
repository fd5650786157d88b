"""STA-1: parts of files by RFC 9110, section 14."""

import re
import time
from itertools import pairwise

import pytest
from flasgo.http.conditional import http_date
from flasgo.http.ranges import MAX_RANGES, RangeRequest, UnsatisfiableRangeError
from flasgo.responses.files import CHUNK_BYTES
from flasgo_testing import TestClient
from hypothesis import given, strategies as st

CONTENT = b"content of hello.txt"
SIZE = len(CONTENT)
ETAG = f'"{1_700_000_000 * 10**9:x}-{SIZE:x}"'
SAME = "Tue, 14 Nov 2023 22:13:20 GMT"


@pytest.mark.parametrize(
    ("value", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-6", 0, 7),
        ("bytes=8-", 8, SIZE),
        ("bytes=-4", SIZE - 4, SIZE),
        ("bytes=-9999", 0, SIZE),
        ("bytes=5-9999", 5, SIZE),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE),
        ("BYTES= 1-2 ", 1, 3),
    ],
)
def test_one_range(app, connect, value, start, stop):
    answer = connect(app).get("/static/hello.txt", headers={"range": value})
    assert answer.status_code == 206
    assert answer.content == CONTENT[start:stop]
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{SIZE}"
    assert answer.headers["content-length"] == str(stop - start)
    assert answer.headers["etag"] == ETAG
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    "value",
    [
        "bytes=",
        "bytes=-",
        "bytes=5-4",
        "bytes=a-b",
        "bytes=1",
        "bytes=+1-2",
        "bytes=1-2,4",
        "bytes=1-2,5-4",
        "bytes=" + "0-0," * 1000,
        "bytes=" + ",".join(["0-0"] * 17),
        "bytes=,,",
        "bytes=\u0660-\u0661",
        "items=0-1",
        "0-1",
        "bytes=" + "9" * 5000 + "-",
        "",
    ],
)
def test_what_is_no_range_is_ignored(app, connect, value):
    answer = connect(app).get("/static/hello.txt", headers=[(b"range", value.encode())])
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["accept-ranges"] == "bytes"
    assert "content-range" not in answer.headers


@pytest.mark.parametrize("value", [f"bytes={SIZE}-", "bytes=999999-1000000", "bytes=-0"])
def test_a_range_behind_the_end(app, connect, value):
    answer = connect(app).get("/static/hello.txt", headers={"range": value})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{SIZE}"


def test_an_empty_file(app, connect, folder):
    (folder / "empty.txt").write_bytes(b"")
    client = connect(app)
    assert client.get("/static/empty.txt", headers={"range": "bytes=0-"}).status_code == 416
    assert client.get("/static/empty.txt", headers={"range": "bytes=-5"}).status_code == 200


def test_two_range_headers_are_ignored(app, connect):
    headers = [("range", "bytes=0-1"), ("range", "bytes=2-3")]
    assert connect(app).get("/static/hello.txt", headers=headers).status_code == 200


def test_head_ignores_ranges(app, connect):
    answer = connect(app).head("/static/hello.txt", headers={"range": "bytes=0-1"})
    assert answer.status_code == 200
    assert answer.headers["content-length"] == str(SIZE)
    assert answer.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize(
    ("if_range", "status"),
    [
        ([ETAG], 206),
        ([SAME], 206),
        (["Tuesday, 14-Nov-23 22:13:20 GMT"], 206),
        ([f"W/{ETAG}"], 200),
        (['"other"'], 200),
        (["Tue, 14 Nov 2023 22:13:21 GMT"], 200),
        (["*"], 200),
        (["junk"], 200),
        ([ETAG, ETAG], 200),
    ],
)
def test_if_range(app, connect, if_range, status):
    headers = [("range", "bytes=0-1"), *(("if-range", value) for value in if_range)]
    assert connect(app).get("/static/hello.txt", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("condition", "status"),
    [(("if-none-match", ETAG), 304), (("if-match", '"other"'), 412), (("if-match", ETAG), 206)],
)
def test_preconditions_come_first(app, connect, condition, status):
    headers = [("range", "bytes=0-1"), condition]
    assert connect(app).get("/static/hello.txt", headers=headers).status_code == status


def test_a_date_of_this_very_second_is_too_coarse_for_if_range():
    """A second change within it would have the same date (RFC 9110, section 13.1.5)."""
    not_yet_over = int(time.time()) + 3600
    request = RangeRequest("bytes=0-1", [http_date(not_yet_over)])
    assert request.parts(SIZE, ETAG, not_yet_over) is None
    over = not_yet_over - 7200
    assert RangeRequest("bytes=0-1", [http_date(over)]).parts(SIZE, ETAG, over) == ((0, 2),)


def test_an_outdated_if_range_hides_a_bad_range(app, connect):
    headers = [("range", f"bytes={SIZE}-"), ("if-range", '"other"')]
    assert connect(app).get("/static/hello.txt", headers=headers).status_code == 200


# Several ranges (section 14.6)


def split_parts(answer):
    """Read a multipart/byteranges body strictly; return Content-Range and content of each part."""
    kind, _, boundary = answer.headers["content-type"].partition("; boundary=")
    assert kind == "multipart/byteranges"
    assert re.fullmatch(r"[0-9a-f]{24}", boundary)
    assert answer.headers["content-length"] == str(len(answer.content))
    delimiter = f"--{boundary}".encode()
    first, *parts, last = answer.content.split(delimiter)
    assert (first, last) == (b"", b"--\r\n")
    found = []
    for part in parts:
        head, _, content = part.partition(b"\r\n\r\n")
        blank, kind, content_range = head.decode().split("\r\n")
        assert blank == ""
        assert kind == "Content-Type: application/octet-stream"
        assert content.endswith(b"\r\n")
        found.append((content_range.removeprefix("Content-Range: bytes "), content[:-2]))
    return found


BIG = bytes(range(256)) * 8


@pytest.fixture
def big(folder):
    (folder / "big.bin").write_bytes(BIG)


@pytest.mark.parametrize(
    ("value", "spans"),
    [
        ("bytes=0-9,1000-1009", [(0, 10), (1000, 1010)]),
        ("bytes=1000-1009, 0-9", [(0, 10), (1000, 1010)]),
        ("bytes=0-9,-10", [(0, 10), (2038, 2048)]),
        ("bytes=0-9,500-509,1000-", [(0, 10), (500, 510), (1000, 2048)]),
        ("bytes=,0-9,,1000-1009,", [(0, 10), (1000, 1010)]),
        ("bytes=0-9,9999-,1000-1009", [(0, 10), (1000, 1010)]),
    ],
)
def test_several_ranges(app, connect, big, value, spans):
    answer = connect(app).get("/static/big.bin", headers={"range": value})
    assert answer.status_code == 206
    assert "content-range" not in answer.headers
    wanted = [(f"{start}-{stop - 1}/2048", BIG[start:stop]) for start, stop in spans]
    assert split_parts(answer) == wanted


@pytest.mark.parametrize(
    ("value", "start", "stop"),
    [
        ("bytes=0-9,5-14", 0, 15),
        ("bytes=0-9,10-19", 0, 20),
        ("bytes=0-9,50-59", 0, 60),
        ("bytes=0-,0-,0-,-2048", 0, 2048),
        ("bytes=0-0" + ",0-2047" * 15, 0, 2048),
        ("bytes=9999-,5-5", 5, 6),
    ],
)
def test_ranges_that_touch_are_one(app, connect, big, value, start, stop):
    answer = connect(app).get("/static/big.bin", headers={"range": value})
    assert answer.status_code == 206
    assert answer.content == BIG[start:stop]
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/2048"
    assert answer.headers["content-type"] == "application/octet-stream"


def test_several_ranges_behind_the_end(app, connect, big):
    answer = connect(app).get("/static/big.bin", headers={"range": "bytes=5000-,9000-9999,-0"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */2048"


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 3000)), min_size=1, max_size=20))
def test_no_byte_is_ever_sent_twice(pairs):
    value = "bytes=" + ",".join(f"{first}-{last}" for first, last in pairs)
    try:
        parts = RangeRequest(value).parts(2048, '"x"', 0)
    except UnsatisfiableRangeError:
        assert all(first >= 2048 for first, _ in pairs)
        return
    if parts is None:
        assert len(pairs) > MAX_RANGES or any(last < first for first, last in pairs)
        return
    assert sum(part.length for part in parts) <= 2048
    assert all(a.stop < b.start for a, b in pairwise(parts))
    for first, last in pairs:
        if first < 2048:
            stop = min(last + 1, 2048)
            assert any(part.start <= first and stop <= part.stop for part in parts)


def test_several_large_parts_are_streamed(app, folder):
    content = bytes(range(256)) * (CHUNK_BYTES // 64)
    (folder / "data.bin").write_bytes(content)
    spans = [(100, 400_100), (500_000, 900_000)]
    value = "bytes=" + ",".join(f"{start}-{stop - 1}" for start, stop in spans)
    with TestClient(app) as client:
        answer = client.get("/static/data.bin", headers={"Range": value})
    assert answer.status_code == 206
    parts = split_parts(answer)
    assert [part for _, part in parts] == [content[start:stop] for start, stop in spans]


# Large files


def test_large_parts_are_streamed(app, folder):
    content = bytes(range(256)) * (CHUNK_BYTES // 64)
    (folder / "data.bin").write_bytes(content)
    with TestClient(app) as client:
        answer = client.get("/static/data.bin", headers={"Range": "bytes=100-900099"})
        assert answer.status_code == 206
        assert answer.content == content[100:900_100]
        answer = client.get("/static/data.bin", headers={"Range": "bytes=-10"})
        assert answer.content == content[-10:]
