"""STA-1: parts of files by RFC 9110, section 14."""

import pytest
from flasgo.files import CHUNK_BYTES
from flasgo_testing import TestClient

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
async def test_one_range(app, ask, value, start, stop):
    answer = await ask(app, "/static/hello.txt", headers=[("range", value)])
    assert answer.status == 206
    assert answer.body == CONTENT[start:stop]
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
        "bytes=1-2,4-5",
        "bytes=0-0," * 1000,
        "bytes=\u0660-\u0661",
        "items=0-1",
        "0-1",
        "bytes=" + "9" * 5000 + "-",
        "",
    ],
)
async def test_what_is_not_one_range_is_ignored(app, ask, value):
    value = value.encode().decode("latin-1")
    answer = await ask(app, "/static/hello.txt", headers=[("range", value)])
    assert (answer.status, answer.body) == (200, CONTENT)
    assert answer.headers["accept-ranges"] == "bytes"
    assert "content-range" not in answer.headers


@pytest.mark.parametrize("value", [f"bytes={SIZE}-", "bytes=999999-1000000", "bytes=-0"])
async def test_a_range_behind_the_end(app, ask, value):
    answer = await ask(app, "/static/hello.txt", headers=[("range", value)])
    assert answer.status == 416
    assert answer.headers["content-range"] == f"bytes */{SIZE}"


async def test_an_empty_file(app, ask, folder):
    (folder / "empty.txt").write_bytes(b"")
    assert (await ask(app, "/static/empty.txt", headers=[("range", "bytes=0-")])).status == 416
    assert (await ask(app, "/static/empty.txt", headers=[("range", "bytes=-5")])).status == 200


async def test_two_range_headers_are_ignored(app, ask):
    headers = [("range", "bytes=0-1"), ("range", "bytes=2-3")]
    assert (await ask(app, "/static/hello.txt", headers=headers)).status == 200


async def test_head_ignores_ranges(app, ask):
    answer = await ask(app, "/static/hello.txt", method="HEAD", headers=[("range", "bytes=0-1")])
    assert answer.status == 200
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
async def test_if_range(app, ask, if_range, status):
    headers = [("range", "bytes=0-1"), *(("if-range", value) for value in if_range)]
    assert (await ask(app, "/static/hello.txt", headers=headers)).status == status


@pytest.mark.parametrize(
    ("condition", "status"),
    [(("if-none-match", ETAG), 304), (("if-match", '"other"'), 412), (("if-match", ETAG), 206)],
)
async def test_preconditions_come_first(app, ask, condition, status):
    headers = [("range", "bytes=0-1"), condition]
    assert (await ask(app, "/static/hello.txt", headers=headers)).status == status


async def test_an_outdated_if_range_hides_a_bad_range(app, ask):
    headers = [("range", f"bytes={SIZE}-"), ("if-range", '"other"')]
    assert (await ask(app, "/static/hello.txt", headers=headers)).status == 200


def test_large_parts_are_streamed(app, folder):
    content = bytes(range(256)) * (CHUNK_BYTES // 64)
    (folder / "data.bin").write_bytes(content)
    with TestClient(app) as client:
        answer = client.get("/static/data.bin", headers={"Range": "bytes=100-900099"})
        assert answer.status_code == 206
        assert answer.content == content[100:900_100]
        answer = client.get("/static/data.bin", headers={"Range": "bytes=-10"})
        assert answer.content == content[-10:]
