"""STA-1: conditional requests by RFC 9110, section 13."""

import os
import time

import pytest
from flasgo.http.conditional import http_date, parse_entity_tags, parse_http_date
from flasgo.responses import files

MODIFIED = 1_700_000_000
ETAG = f'"{MODIFIED * 10**9:x}-{len("content of hello.txt"):x}"'
SAME = "Tue, 14 Nov 2023 22:13:20 GMT"
BEFORE = "Tue, 14 Nov 2023 22:13:19 GMT"
AFTER = "Tue, 14 Nov 2023 22:13:21 GMT"

INM, IMS = "if-none-match", "if-modified-since"
IM, IUS = "if-match", "if-unmodified-since"

TABLE = [
    # If-None-Match compares weakly
    ([(INM, ETAG)], 304),
    ([(INM, f"W/{ETAG}")], 304),
    ([(INM, f'"a", {ETAG}, "b"')], 304),
    ([(INM, f'"a",,\t{ETAG} ,')], 304),
    ([(INM, f'"a,b", W/"c", W/{ETAG}')], 304),
    ([(INM, '"a"'), (INM, ETAG)], 304),
    ([(INM, "*")], 304),
    ([(INM, " * ")], 304),
    ([(INM, '"a"')], 200),
    ([(INM, ETAG.strip('"'))], 200),
    ([(INM, f"w/{ETAG}")], 200),
    ([(INM, f"junk {ETAG}")], 200),
    ([(INM, '"*"')], 200),
    ([(INM, f'"a" {ETAG}')], 200),
    ([(INM, '"')], 200),
    ([(INM, "")], 200),
    ([(INM, f'"{ETAG}"')], 200),
    # If-Modified-Since
    ([(IMS, SAME)], 304),
    ([(IMS, AFTER)], 304),
    ([(IMS, BEFORE)], 200),
    ([(IMS, "Tuesday, 14-Nov-23 22:13:20 GMT")], 304),
    ([(IMS, "Tue Nov 14 22:13:20 2023")], 304),
    ([(IMS, "Tue, 14 Nov 2023 22:13:20")], 200),
    ([(IMS, "Tue, 14 Nov 2023 22:13:20 +0000")], 200),
    ([(IMS, "Tue, 31 Nov 2023 22:13:20 GMT")], 200),
    ([(IMS, "Tue, 14 Nov 2023 25:13:20 GMT")], 200),
    ([(IMS, "tomorrow")], 200),
    ([(IMS, "")], 200),
    ([(IMS, SAME), (IMS, SAME)], 200),
    # If-None-Match decides alone
    ([(INM, '"a"'), (IMS, AFTER)], 200),
    ([(INM, ETAG), (IMS, BEFORE)], 304),
    ([(INM, "junk"), (IMS, AFTER)], 200),
    # If-Match compares strongly
    ([(IM, ETAG)], 200),
    ([(IM, f'"a", {ETAG}')], 200),
    ([(IM, "*")], 200),
    ([(IM, f"W/{ETAG}")], 412),
    ([(IM, '"a"')], 412),
    ([(IM, "junk")], 412),
    ([(IUS, SAME)], 200),
    ([(IUS, AFTER)], 200),
    ([(IUS, BEFORE)], 412),
    ([(IUS, "junk")], 200),
    # Order: If-Match, else If-Unmodified-Since; then the others
    ([(IM, ETAG), (IUS, BEFORE)], 200),
    ([(IM, '"a"'), (IUS, AFTER)], 412),
    ([(IM, ETAG), (INM, ETAG)], 304),
    ([(IM, '"a"'), (INM, ETAG)], 412),
    ([(IUS, AFTER), (IMS, AFTER)], 304),
    ([(IUS, BEFORE), (IMS, AFTER)], 412),
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("headers", "status"), TABLE)
def test_preconditions(app, connect, headers, status, method):
    answer = connect(app).request(method, "/static/hello.txt", headers=headers)
    assert answer.status_code == status
    if status == 304:
        assert answer.content == b""
        assert "content-type" not in answer.headers
    if status != 412:
        assert answer.headers["etag"] == ETAG
        assert answer.headers["last-modified"] == SAME
        assert answer.headers["cache-control"] == "public, max-age=3600"


def test_a_missing_file_is_missing_whatever_the_condition(app, connect):
    client = connect(app)
    for headers in ([(INM, "*")], [(IM, "*")], [(IMS, AFTER)]):
        assert client.get("/static/nope.txt", headers=headers).status_code == 404


def test_the_tag_changes_with_the_content(app, connect, folder):
    client = connect(app)
    first = client.get("/static/hello.txt").headers["etag"]
    (folder / "hello.txt").write_bytes(b"other content")
    time.sleep(files.FRESH_SECONDS * 1.1)
    second = client.get("/static/hello.txt", headers=[(INM, first)])
    assert second.status_code == 200
    assert second.headers["etag"] != first


def test_the_tag_sees_changes_within_a_second(app, connect, folder):
    path = folder / "hello.txt"
    os.utime(path, ns=(0, MODIFIED * 10**9 + 1))
    client = connect(app)
    first = client.get("/static/hello.txt").headers["etag"]
    os.utime(path, ns=(0, MODIFIED * 10**9 + 2))
    time.sleep(files.FRESH_SECONDS * 1.1)
    assert client.get("/static/hello.txt", headers=[(INM, first)]).status_code == 200


@pytest.mark.parametrize("seconds", [-5, 0, 10**12])
def test_odd_modification_times(app, connect, folder, seconds):
    try:
        os.utime(folder / "hello.txt", (seconds, seconds))
    except (OSError, OverflowError):
        pytest.xfail("the file system has no such time")
    answer = connect(app).get("/static/hello.txt")
    assert answer.status_code == 200
    assert parse_http_date(answer.headers["last-modified"]) is not None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784111777),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784111777),
        ("Sun Nov  6 08:49:37 1994", 784111777),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Sat, 31 Dec 2016 23:59:60 GMT", 1483228800),
    ],
)
def test_dates(text, seconds):
    assert parse_http_date(text) == seconds


def test_a_two_digit_year_is_never_far_ahead():
    seconds = parse_http_date("Friday, 01-Jan-99 00:00:00 GMT")
    assert seconds is not None
    assert http_date(seconds).split()[3] == "1999"


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, ٠٦ Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "784111777",
    ],
)
def test_what_is_no_date(text):
    assert parse_http_date(text) is None


@pytest.mark.parametrize("seconds", [0, 784111777, MODIFIED, 4102444800])
def test_dates_survive_the_round_trip(seconds):
    assert parse_http_date(http_date(seconds)) == seconds


def test_long_lists_of_tags_take_linear_time():
    assert len(parse_entity_tags(", ".join(['"x"'] * 10_000))) == 10_000
    assert parse_entity_tags('"' * 50_000) == []
    assert parse_entity_tags("," * 50_000) == []
    assert parse_entity_tags(" " * 50_000 + "x") == []
