"""Forms: urlencoded and multipart, streamed, limited, and closed in the end."""

import asyncio
import resource
import subprocess
import sys
import tracemalloc
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from flasgo.errors import ClientDisconnect, HTTPException
from flasgo.http.filenames import sanitize_filename
from flasgo.http.headers import read_head
from flasgo.requests import forms
from flasgo.requests.forms import FormData, _Upload
from flasgo.requests.request import Request
from hypothesis import given, strategies as st

URLENCODED = b"application/x-www-form-urlencoded"
MULTIPART = b"multipart/form-data; boundary=XX"
DISPOSITION = b"--XX\r\nContent-Disposition: form-data; name=a\r\n"


def make_request(
    *chunks: bytes, content_type: bytes | None = MULTIPART, gone: bool = False, **settings: int
) -> Request:
    """Return a request whose body comes in these chunks; `gone` has the client leave after them."""
    defaults = {
        "MAX_REQUEST_BODY_BYTES": 10_000_000,
        "REQUEST_READ_TIMEOUT_SECONDS": 5.0,
        "MAX_UPLOAD_MEMORY_BYTES": 1000,
        "MAX_FORM_FIELDS": 10,
        "MAX_FORM_FILES": 5,
        "MAX_FORM_FIELD_BYTES": 2000,
        "MAX_FORM_HEADER_BYTES": 500,
    }
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.disconnect"} if gone else {"type": "http.request"})

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)
        return messages.pop(0)

    headers = [] if content_type is None else [(b"content-type", content_type)]
    scope = {"type": "http", "method": "POST", "path": "/form", "headers": headers}
    app: Any = SimpleNamespace(settings=SimpleNamespace(**{**defaults, **settings}))
    return Request(app, scope, receive, read_head(headers, 65536))


def field(name: str, value: str) -> bytes:
    return f'--XX\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


def upload(name: str, filename: str, content: bytes, kind: str | None = "text/plain") -> bytes:
    head = f'--XX\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
    if kind:
        head += f"Content-Type: {kind}\r\n"
    return head.encode() + b"\r\n" + content + b"\r\n"


END = b"--XX--\r\n"


async def refused(request: Request) -> HTTPException:
    with pytest.raises(HTTPException) as caught:
        await request.form()
    return caught.value


# --- urlencoded ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "pairs"),
    [
        (b"", []),
        (b"a=1&b=2", [("a", "1"), ("b", "2")]),
        (b"a=1&a=2", [("a", "1"), ("a", "2")]),
        (b"a+b=c%20d%2B", [("a b", "c d+")]),
        (b"a=%C3%A9&b", [("a", "é"), ("b", "")]),
        (b"&&a=1&&", [("a", "1")]),
        (b"a=50%", [("a", "50%")]),
        ("a=é".encode(), [("a", "é")]),
    ],
)
async def test_urlencoded(body: bytes, pairs: list[tuple[str, str]]) -> None:
    request = make_request(body, content_type=URLENCODED + b"; charset=utf-8")
    form = await request.form()
    assert form.multi_items() == pairs
    assert form.files == []
    assert await request.form() is form
    assert await request.body() == body


async def test_urlencoded_after_the_body_was_read() -> None:
    request = make_request(b"a=", b"1", content_type=URLENCODED)
    assert await request.body() == b"a=1"
    assert (await request.form())["a"] == "1"
    assert await request.text() == "a=1"


@pytest.mark.parametrize("body", [b"a=%FF", b"%ff=1", b"a=\xff", b"a=%C3"])
async def test_urlencoded_that_is_not_utf8(body: bytes) -> None:
    refusal = await refused(make_request(body, content_type=URLENCODED))
    assert refusal.status_code == 400
    assert "UTF-8" in refusal.detail


async def test_urlencoded_full_of_broken_escapes() -> None:
    refusal = await refused(make_request(b"a=" + b"%" * 5000, content_type=URLENCODED))
    assert refusal.status_code == 400
    assert "%25" in refusal.detail


@pytest.mark.parametrize(
    ("body", "limit"),
    [
        (b"&".join([b"a=1"] * 11), "10 fields"),
        (b"&" * 50_000, "10 fields"),
        (b"a=" + b"x" * 2001, "2000 bytes"),
        (b"x" * 2001, "2000 bytes"),
        (b"a=1&b=" + b"%41" * 2001, "2000 bytes"),
    ],
)
async def test_limits_of_urlencoded(body: bytes, limit: str) -> None:
    refusal = await refused(make_request(body, content_type=URLENCODED))
    assert refusal.status_code == 413
    assert limit in refusal.detail


async def test_urlencoded_just_within_the_limits() -> None:
    body = b"&".join([b"a=" + b"%41" * 2000] * 10)
    form = await make_request(body, content_type=URLENCODED).form()
    assert form.getlist("a") == ["A" * 2000] * 10


# --- media types --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content_type", [b"application/json", b"text/plain", b"multipart/mixed; boundary=XX", b"x"]
)
async def test_another_media_type(content_type: bytes) -> None:
    refusal = await refused(make_request(b"a=1", content_type=content_type))
    assert refusal.status_code == 415
    assert "application/x-www-form-urlencoded" in refusal.detail
    assert "multipart/form-data" in refusal.detail


async def test_no_media_type() -> None:
    assert await make_request(content_type=None).form() == {}
    refusal = await refused(make_request(b"a=1", content_type=None))
    assert refusal.status_code == 415


# --- multipart ----------------------------------------------------------------------------------


async def test_multipart() -> None:
    body = (
        field("name", "Ann é")
        + field("tag", "a")
        + upload("avatar", "me.png", b"\x89PNG\r\n--X", "image/png")
        + field("tag", "b")
        + upload("doc", "1.txt", b"one")
        + upload("doc", "2.txt", b"")
        + END
    )
    request = make_request(body)
    form = await request.form()
    assert form["name"] == "Ann é"
    assert form.get("missing") is None
    assert form.getlist("tag") == ["a", "b"]
    assert dict(form) == {"name": "Ann é", "tag": "a"}
    assert form.multi_items() == [("name", "Ann é"), ("tag", "a"), ("tag", "b")]
    avatar = form.file("avatar")
    assert avatar is not None
    assert (avatar.filename, avatar.content_type, avatar.size) == ("me.png", "image/png", 9)
    assert await avatar.read() == b"\x89PNG\r\n--X"
    assert [file.filename for file in form.filelist("doc")] == ["1.txt", "2.txt"]
    assert [name for name, _ in form.files] == ["avatar", "doc", "doc"]
    assert form.file("name") is None
    assert form.filelist("name") == []
    assert "avatar" not in form
    assert "me.png" in repr(avatar)
    assert await request.form() is form
    request._close()


async def test_an_empty_form() -> None:
    assert await make_request(b"--XX--").form() == {}


async def test_multipart_after_the_body_was_read() -> None:
    request = make_request(field("a", "1"), END)
    assert await request.body()
    assert (await request.form())["a"] == "1"


async def test_a_multipart_body_is_streamed_not_kept() -> None:
    request = make_request(field("a", "1"), END)
    await request.form()
    with pytest.raises(RuntimeError, match=r"form\(\) has consumed"):
        await request.body()


@pytest.mark.parametrize(
    "content_type",
    [
        b'multipart/form-data; boundary="XX"',
        b"Multipart/Form-Data; charset=utf-8; Boundary=XX",
        b"multipart/form-data;boundary=XX;x=y",
    ],
)
async def test_spellings_of_the_boundary(content_type: bytes) -> None:
    assert (await make_request(field("a", "1") + END, content_type=content_type).form())["a"] == "1"


@pytest.mark.parametrize(
    "content_type",
    [
        b"multipart/form-data",
        b"multipart/form-data; boundary=",
        b'multipart/form-data; boundary=""',
        b"multipart/form-data; boundary*=XX",
        b"multipart/form-data; boundary=" + b"x" * 201,
        b'multipart/form-data; boundary="a\xe9"',
        b'multipart/form-data; boundary="a "',
        b"multipart/form-data; boundary=XX; boundary=YY",
        b"multipart/form-data; boundary=YY; Boundary=XX",
        b'multipart/form-data; boundary="XX"YY',
        b"multipart/form-data; boundary=XX/YY",
    ],
)
async def test_a_bad_boundary(content_type: bytes) -> None:
    refusal = await refused(make_request(field("a", "1") + END, content_type=content_type))
    assert refusal.status_code == 400
    assert "boundary" in refusal.detail


@pytest.mark.parametrize(
    "disposition",
    [
        'form-data; name="a"; filename="x.txt"',
        "form-data; name=a; filename=x.txt",
        "form-data; filename=x.txt; name=a",
        'form-data; filename="x.txt"; name="a"',
        'form-data; name="a"; filename*=UTF-8\'\'evil.txt; filename="x.txt"',
        'form-data; name*=UTF-8\'\'evil; name="a"; filename="x.txt"',
        'form-data;name="a";filename="x.txt";',
        'form-data ; name = "a" ;; filename =  x.txt ; size=1',
        'form-data; name="a"; filename="C:\\x.txt"',
        'form-data; name="a"; filename="\\\\host\\x.txt"',
    ],
)
async def test_spellings_of_the_disposition(disposition: str) -> None:
    body = f"--XX\r\ncontent-disposition: {disposition}\r\n\r\nx\r\n".encode() + END
    file = (await make_request(body).form()).file("a")
    assert file is not None
    assert file.filename == "x.txt"
    assert file.content_type == "application/octet-stream"
    file.close()


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ("filename*=UTF-8''caf%C3%A9.txt", "café.txt"),
        ("filename*=iso-8859-1'de'caf%E9.txt", "café.txt"),
        ("Filename* = utf-8''caf%C3%A9.txt", "café.txt"),
        ("filename*=UTF-8''..%2F..%2Fetc%2Fpasswd", "passwd"),
        # Beside a `filename` that has lost characters: question marks, underscores, nothing.
        ("filename=\"caf?.txt\"; filename*=UTF-8''caf%C3%A9.txt", "café.txt"),
        ("filename=\"caf.txt\"; filename*=UTF-8''caf%C3%A9.txt", "café.txt"),
        ("filename*=UTF-8''%E6%97%A5%E6%9C%AC.pdf; filename=\"__.pdf\"", "日本.pdf"),
        ("filename=\"????.pdf\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC.pdf", "日本.pdf"),
        ("filename=\"café.txt\"; filename*=UTF-8''caf%C3%A9.txt", "café.txt"),
        ("filename=\"cafÃ©.txt\"; filename*=UTF-8''caf%C3%A9.txt", "café.txt"),
        # SECURITY: where they differ in more than that, what others look at counts.
        ("filename=\"x.txt\"; filename*=UTF-8''x.php", "x.txt"),
        ("filename=\"x.txt\"; filename*=UTF-8''x.php%00.txt", "x.txt"),
        ("filename=\"caf?.txt\"; filename*=UTF-8''caf%C3%A9.txt.php", "caf_.txt"),
        ("filename=\"x.txt\"; filename*=UTF-7''x.txt", "x.txt"),
        ("filename=\"x.txt\"; filename*=UTF-8''%ff.txt", "x.txt"),
        # Within quotes it is part of a name.
        ("filename=\"x; filename*=UTF-8''y.txt\"", "x; filename_=UTF-8''y.txt"),
    ],
)
async def test_extended_file_names(names: str, found: str) -> None:
    body = f"--XX\r\nContent-Disposition: form-data; name=a; {names}\r\n\r\nv\r\n".encode()
    form = await make_request(body + END).form()
    assert [(name, file.filename) for name, file in form.files] == [("a", found)]
    form.close()


@pytest.mark.parametrize("value", ["x.txt", "UTF-7''x", "UTF-8''%ff", "UTF-8''a b", "UTF-8'x"])
async def test_a_malformed_extended_file_name_alone(value: str) -> None:
    body = f"--XX\r\nContent-Disposition: form-data; name=a; filename*={value}\r\n\r\nv\r\n"
    error = await refused(make_request(body.encode() + END))
    assert error.status_code == 400
    assert "file name" in error.detail


async def test_continuations_of_rfc_2231_are_not_read() -> None:
    names = b"name=a; filename*0=x; filename*1=y"
    body = b"--XX\r\nContent-Disposition: form-data; " + names + b"\r\n\r\nv\r\n"
    form = await make_request(body + END).form()
    assert form.files == []
    assert form["a"] == "v"


@pytest.mark.parametrize(
    ("charset", "raw", "text"),
    [
        ("ISO-8859-1", b"caf\xe9", "café"),
        ('"iso-8859-1"', b"caf\xe9", "café"),
        ("windows-1252", b"\x80", "€"),
        ("utf-8", b"caf\xc3\xa9", "café"),
        ("us-ascii", b"cafe", "cafe"),
        ("utf-16", "café".encode("utf-16"), "café"),
    ],
)
async def test_a_part_has_a_charset_of_its_own(charset: str, raw: bytes, text: str) -> None:
    head = f"Content-Type: text/plain; charset={charset}\r\n\r\n".encode()
    file_part = upload("c", "c", raw, f"text/x; charset={charset}")
    body = DISPOSITION + head + raw + b"\r\n" + field("b", "é") + file_part
    form = await make_request(body + END).form()
    assert (form["a"], form["b"]) == (text, "é")
    file = form.file("c")
    assert file is not None
    assert await file.text() == text
    form.close()


async def test_charsets_that_are_not_read() -> None:
    head = b"Content-Type: text/plain; charset=utf-7\r\n\r\nx\r\n"
    assert (await refused(make_request(DISPOSITION + head + END))).status_code == 415
    form = await make_request(upload("c", "c", b"x", "text/plain; charset=utf-7") + END).form()
    file = form.file("c")
    assert file is not None
    with pytest.raises(HTTPException) as caught:
        await file.text()
    assert caught.value.status_code == 415
    assert await file.text("ascii") == "x"
    form.close()


async def test_a_field_that_is_not_in_its_charset() -> None:
    head = b"Content-Type: text/plain; charset=us-ascii\r\n\r\n\xff\r\n"
    error = await refused(make_request(DISPOSITION + head + END))
    assert (error.status_code, "ASCII" in error.detail) == (400, True)


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Disposition: form-data; name=a\nX-A: 1\r\n",
        b"\nContent-Disposition: form-data; name=a\r\n",
        b"Content-Disposition: form-data; name=a\r\nX-A: 1\n\r\n",
        b"Content-Disposition: form-data; name=a\rb\r\n",
        b"Content-Disposition: form-data; name=a\n\n",
    ],
)
async def test_a_bare_line_break_in_a_part_is_refused_however_it_is_cut(head: bytes) -> None:
    body = b"--XX\r\n" + head + b"\r\nv\r\n" + END
    cuts = [(body,), *[(body[:at], body[at:]) for at in range(7, len(body))]]
    for chunks in cuts:
        error = await refused(make_request(*chunks))
        assert error.status_code == 400, chunks


# --- No room for temporary files ---------------------------------------------------------------


@pytest.mark.parametrize("how", ["no folder", "file size"])
async def test_a_full_folder_is_a_507_and_logged_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    forms._report_full_disk.cache_clear()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    if how == "no folder":
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    else:
        resource.setrlimit(resource.RLIMIT_FSIZE, (700_000, limits[1]))
    try:
        for _ in range(3):
            chunks = [b"y" * 100_000] * 20
            body = [upload("a", "x", b"")[:-2], *chunks, b"\r\n" + END]
            error = await refused(make_request(*body))
            assert error.status_code == 507
            assert "no room" in error.detail
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [record.name for record in caplog.records] == ["flasgo.app"]
    assert "TMPDIR" in caplog.text
    # Once there is room again, uploads are taken as before.
    monkeypatch.undo()
    form = await make_request(upload("a", "x", b"y" * 5000) + END).form()
    assert len(form.files) == 1
    form.close()


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        (b"", "cut short"),
        (b"--XX", "cut short"),
        (b"--XX\r\n", "cut short"),
        (field("a", "1"), "cut short"),
        (field("a", "1") + b"--XX", "cut short"),
        (upload("a", "x", b"y" * 5000), "cut short"),
        (b"no boundary at all", "begin with its boundary"),
        (b"x" + field("a", "1"), "begin with its boundary"),
        (b"a prologue\r\n" + field("a", "1") + END, "begin with its boundary"),
        (b"\r\n\r\n" + field("a", "1") + END, "begin with its boundary"),
        (b"--XX\n" + field("a", "1"), "line break"),
        (b"--XX\r\n\r\nvalue\r\n" + END, "Content-Disposition"),
        (b"--XX\r\nContent-Type: text/plain\r\n\r\nx\r\n" + END, "Content-Disposition"),
        (b"--XX\r\nContent-Disposition: form-data\r\n\r\nx\r\n" + END, "name"),
        (b'--XX\r\nContent-Disposition: form-data; name=""\r\n\r\nx\r\n' + END, "name"),
        (b'--XX\r\nContent-Disposition: form-data; filename="x"\r\n\r\nx\r\n' + END, "name"),
        (b'--XX\r\nContent-Disposition: attachment; name="a"\r\n\r\nx\r\n' + END, "Wrong type"),
        (b"--XX\r\nContent-Disposition form-data\r\n\r\nx\r\n" + END, "Malformed"),
        (
            b'--XX\r\nContent-Disposition: form-data;\r\n name="a"\r\n\r\nx\r\n' + END,
            "continuation",
        ),
        (b"--XX\r\nX\xff: y\r\n\r\nx\r\n" + END, "(Segment header failed to decode)"),
        (DISPOSITION + b"content-disposition: form-data; name=b\r\n\r\nx\r\n" + END, "twice"),
        (DISPOSITION + b"X-A: 1\r\nx-a: 2\r\n\r\nx\r\n" + END, "twice"),
        (b"--XX\r\nContent-Length: -1\r\n\r\nx\r\n" + END, "Content-Length"),
        (field("a", "1") + b"--XXjunk" + END, "boundary"),
        (field("a", "--XX") + END, "begins with the boundary"),
        (DISPOSITION + b"\r\n--XX\r\n" + field("b", "1") + END, "begins with the boundary"),
        *(
            (
                b"--XX\r\nContent-Disposition: form-data; " + parameters + b"\r\n\r\nx\r\n" + END,
                "Content-Disposition",
            )
            for parameters in (
                # SECURITY: to some a file, to others a field; or one name of two.
                b'name="a"; filename=="x"',
                b'name="a"; filename;"x"',
                b'name="a"; filename="x',
                b'name="a"; filename=',
                b'name="a": filename="x"',
                b'name="a"x; filename="x"',
                b'name="a" filename="x"',
                b'name="a", filename="x"',
                b"name=a b",
                b'name="a"; name="b"',
                b'name="a"; NAME=b',
                b'name="a"; filename="x"; filename="y"',
                b'name="a"\x00',
                b'name="a"; filename\t="x"',
            )
        ),
        (field("a", "?").replace(b"?", b"\xff") + END, "UTF-8"),
    ],
    ids=lambda value: repr(value[:40]),
)
@pytest.mark.parametrize("size", [10_000, 7])
async def test_malformed_multipart(body: bytes, missing: str, size: int) -> None:
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    request = make_request(*chunks)
    refusal = await refused(request)
    assert refusal.status_code == 400
    assert missing in refusal.detail
    assert await refused(request) is refusal


@pytest.mark.parametrize(
    ("body", "limit"),
    [
        (field("a", "1") * 11 + END, "10 fields"),
        (upload("a", "x", b"") * 6 + END, "5 files"),
        (field("a", "1") * 10 + upload("a", "x", b"") * 6 + END, "limit"),
        (field("a", "x" * 2001) + END, "2000 bytes"),
        (field("a" * 600, "x") + END, "header"),
        (upload("a", "x" * 600, b"") + END, "header"),
        (b"--XX\r\n" + b"x" * 10_000, "header"),
        (b"--XX\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(9)) + b"\r\n", "header count"),
        (
            b"--XX\r\n"
            + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 150) for n in range(4))
            + b"Content-Disposition: form-data; name=a\r\n\r\nx\r\n"
            + END,
            "headers of a part",
        ),
    ],
    ids=lambda value: repr(value[:40]),
)
@pytest.mark.parametrize("size", [100_000, 7])
async def test_limits_of_multipart(body: bytes, limit: str, size: int) -> None:
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    refusal = await refused(make_request(*chunks))
    assert refusal.status_code == 413
    assert limit in refusal.detail


async def test_multipart_just_within_the_limits() -> None:
    body = field("a", "x" * 2000) * 10 + upload("f", "x", b"y" * 5000) * 5 + END
    request = make_request(body)
    form = await request.form()
    assert form.getlist("a") == ["x" * 2000] * 10
    assert [file.size for file in form.filelist("f")] == [5000] * 5
    request._close()


@pytest.mark.parametrize("kind", [MULTIPART, URLENCODED])
async def test_fields_together_are_bounded_where_bodies_may_be_large(kind: bytes) -> None:
    if kind == MULTIPART:
        body = field("a", "x" * 2000) * 17 + END
    else:
        body = b"&".join([b"a=" + b"x" * 2000] * 49)
    chunks = [body[at : at + 1000] for at in range(0, len(body), 1000)]
    refusal = await refused(make_request(*chunks, content_type=kind, MAX_FORM_FIELDS=1000))
    assert refusal.status_code == 413
    assert "together" in refusal.detail


async def test_files_share_the_memory_of_their_form() -> None:
    request = make_request(upload("f", "x", b"y" * 400) * 5 + END, MAX_UPLOAD_MEMORY_BYTES=1000)
    files = (await request.form()).filelist("f")
    assert [file.in_memory for file in files] == [True, True, False, False, False]
    assert [await file.read() for file in files] == [b"y" * 400] * 5
    request._close()


async def test_tiny_pieces_take_no_more_memory_than_large_ones() -> None:
    head, content, tail = upload("f", "x", b"")[:-2], b"yz" * 20_000, b"\r\n" + END
    pieces = [content[at : at + 2] for at in range(0, len(content), 2)]
    request = make_request(head, *pieces, tail, MAX_UPLOAD_MEMORY_BYTES=1_000_000)
    tracemalloc.start()
    try:
        file = (await request.form()).file("f")
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert file is not None
    assert file.size == 40_000
    assert held < 250_000
    request._close()


async def test_the_body_limit_holds_for_forms() -> None:
    for content_type in (MULTIPART, URLENCODED):
        body = upload("f", "x", b"y" * 2000) + END
        request = make_request(body, content_type=content_type, MAX_REQUEST_BODY_BYTES=1000)
        assert (await refused(request)).status_code == 413


@pytest.mark.parametrize("epilogue", [b"", b"\r\n", b"anything\r\n--XX\r\nat all"])
@pytest.mark.parametrize("prologue", [b"", b"\r\n"])
async def test_what_surrounds_the_form_is_ignored(prologue: bytes, epilogue: bytes) -> None:
    for split in (False, True):
        body = prologue + field("a", "1") + b"--XX--"
        chunks = [body, epilogue, epilogue] if split else [body + epilogue]
        assert (await make_request(*[chunk for chunk in chunks if chunk]).form())["a"] == "1"


async def test_an_empty_file_input_is_no_file() -> None:
    form = await make_request(
        upload("a", "", b"", "application/octet-stream") + upload("b", "", b"x") + END
    ).form()
    assert form.file("a") is None
    unnamed = form.file("b")
    assert unnamed is not None
    assert unnamed.filename == ""
    unnamed.close()


async def test_a_client_that_leaves_in_the_middle() -> None:
    request = make_request(upload("a", "x", b"y" * 5000), gone=True)
    with pytest.raises(ClientDisconnect):
        await request.form()
    with pytest.raises(ClientDisconnect):
        await request.form()


names = st.text(st.characters(codec="utf-8", exclude_characters='"%\\\r\n;\0'), min_size=1).filter(
    lambda name: len(name.encode()) < 200
)


@given(
    st.lists(st.tuples(names, st.text(max_size=50)), max_size=5),
    st.lists(st.tuples(names, st.binary(max_size=3000)), max_size=3),
    st.lists(st.integers(0, 10_000), max_size=12),
)
def test_a_form_is_the_same_however_it_is_cut(
    fields: list[tuple[str, str]], files: list[tuple[str, bytes]], cuts: list[int]
) -> None:
    body = b"".join(field(name, value) for name, value in fields)
    body += b"".join(upload(name, "f.bin", content) for name, content in files) + END
    edges = sorted({0, len(body), *[cut % len(body) for cut in cuts]})
    chunks = [body[a:b] for a, b in pairwise(edges)]
    # Data that looks like the boundary is the generator's problem, not the parser's.
    if body.count(b"--XX") != len(fields) + len(files) + 1:
        return

    async def check() -> None:
        request = make_request(*chunks)
        form = await request.form()
        assert form.multi_items() == fields
        assert [(name, await file.read()) for name, file in form.files] == files
        request._close()

    asyncio.run(check())


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_any_body_is_a_form_or_refused(chunks: list[bytes]) -> None:
    async def check() -> None:
        for content_type in (MULTIPART, URLENCODED):
            prefix = b"--XX\r\nContent-Disposition: " if content_type == MULTIPART else b""
            request = make_request(prefix, *chunks, content_type=content_type)
            status = 200
            try:
                await request.form()
            except HTTPException as refusal:
                status = refusal.status_code
            assert status in (200, 400, 413)
            request._close()

    asyncio.run(check())


@given(st.lists(st.tuples(st.text(max_size=20), st.text(min_size=1, max_size=20)), max_size=5))
def test_urlencoded_survives_the_round_trip(pairs: list[tuple[str, str]]) -> None:
    async def check() -> None:
        request = make_request(urlencode(pairs).encode(), content_type=URLENCODED)
        assert (await request.form()).multi_items() == pairs

    asyncio.run(check())


# --- uploaded files -----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 999, 1000, 1001, 300_000])
async def test_reading_a_file(size: int, tmp_path: Path) -> None:
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    body = upload("f", "x.bin", content) + END
    chunks = [body[at : at + 65_536] for at in range(0, len(body), 65_536)]
    request = make_request(*chunks)
    file = (await request.form()).file("f")
    assert file is not None
    assert file.size == size
    for _ in range(2):
        assert await file.read() == content
    assert b"".join([chunk async for chunk in file.chunks(1000)]) == content
    await file.save(tmp_path / "a")
    await file.save(str(tmp_path / "a"))
    assert (tmp_path / "a").read_bytes() == content
    request._close()
    for attempt in (file.read, file.text, lambda: file.save(tmp_path / "b")):
        with pytest.raises(RuntimeError, match="closed with its request"):
            await attempt()
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("size", [0, 10, 1001, 600_000])
async def test_the_open_file_is_at_its_beginning(size: int) -> None:
    content = b"x" * size
    file = (await make_request(upload("a", "x.bin", content) + END).form()).file("a")
    assert file is not None
    assert file.in_memory is (size <= 1000)
    assert file.file.read() == content
    assert await file.read() == content
    file.close()


async def test_a_file_as_text() -> None:
    request = make_request(upload("f", "x", "é".encode()) + END)
    file = (await request.form()).file("f")
    assert file is not None
    assert await file.text() == "é"
    assert await file.text("latin-1") == "Ã©"
    with pytest.raises(HTTPException) as caught:
        await file.text("ascii")
    assert caught.value.status_code == 400
    request._close()


async def test_saving_to_nowhere_is_the_apps_error(tmp_path: Path) -> None:
    request = make_request(upload("f", "x", b"y") + END)
    file = (await request.form()).file("f")
    assert file is not None
    with pytest.raises(FileNotFoundError):
        await file.save(tmp_path / "missing" / "x")
    with pytest.raises(IsADirectoryError):
        await file.save(tmp_path)
    request._close()


async def test_memory_is_bounded_by_the_spool_limit() -> None:
    piece = b"y" * 65_536
    chunks = [upload("f", "x", b"")[:-2], *[piece] * 128, b"\r\n", END]
    request = make_request(*chunks, MAX_UPLOAD_MEMORY_BYTES=262_144)
    tracemalloc.start()
    try:
        file = (await request.form()).file("f")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert file is not None
    assert file.size == 8_388_608
    assert peak < 2_000_000
    request._close()


@pytest.mark.parametrize("size", [10, 5000])
async def test_files_are_closed_when_the_form_fails(size: int) -> None:
    # An open temporary file that is collected is a ResourceWarning, which is an error here.
    body = upload("a", "x", b"y" * size) + upload("b", "x", b"y" * size)
    assert (await refused(make_request(body))).status_code == 400
    assert (await refused(make_request(body + b"--XX\r\n\r\n\r\n"))).status_code == 400


@pytest.mark.parametrize("size", [10, 5000, 1_000_000])
async def test_cancelling_closes_the_files(size: int) -> None:
    request = make_request()
    waiting = asyncio.Event()
    chunks = [upload("a", "x", b"y" * size) + upload("b", "x", b"y" * size)[:-2]]

    async def receive() -> dict[str, Any]:
        if chunks:
            return {"type": "http.request", "body": chunks.pop(), "more_body": True}
        waiting.set()
        await asyncio.Event().wait()
        raise AssertionError

    request._receive = receive
    task = asyncio.create_task(request.form())
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancelling_during_a_write_to_disk() -> None:
    for delay in range(4):
        request = make_request(upload("a", "x", b"y" * 1_000_000) * 3 + END)
        task = asyncio.create_task(request.form())
        for _ in range(delay):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def test_a_write_that_begins_after_the_end_opens_no_file() -> None:
    """As when a request is cancelled while its write still waits for a thread."""
    taken = _Upload("x", "text/plain", None, 0)
    taken.close()
    taken._flush()
    assert taken._disk is None


async def test_a_file_may_be_read_by_several_at_once(tmp_path: Path) -> None:
    content = bytes(range(256)) * 4000
    request = make_request(upload("f", "x", content) + END)
    file = (await request.form()).file("f")
    assert file is not None
    results = await asyncio.gather(
        *[file.read() for _ in range(4)], *[file.save(tmp_path / str(n)) for n in range(4)]
    )
    assert results[:4] == [content] * 4
    assert all((tmp_path / str(n)).read_bytes() == content for n in range(4))
    request._close()


def test_closing_twice_is_fine() -> None:
    form = FormData()
    form.close()
    form.close()


def test_multipart_is_imported_when_it_is_needed() -> None:
    code = "import flasgo.requests.forms, sys; print('multipart' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# --- file names ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("photo.png", "photo.png"),
        ("Ünïcödé 日本.txt", "Ünïcödé 日本.txt"),
        ("", ""),
        (".", ""),
        ("..", ""),
        ("...", ""),
        ("/", ""),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("C:\\Users\\ann\\a.txt", "a.txt"),
        ("..\\..\\a.txt", "a.txt"),
        ("a/", ""),
        (".htaccess", "htaccess"),
        (". .bashrc", "bashrc"),
        ("a.txt.", "a.txt"),
        ("a.txt ", "a.txt"),
        ("a\x00.txt", "a.txt"),
        ("a\r\n.txt", "a.txt"),
        ("a\u202egpj.exe", "agpj.exe"),
        ("a\u200b.txt", "a.txt"),
        ("x.txt:evil", "x.txt_evil"),
        ('a<b>"c|d?e*', "a_b__c_d_e_"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("com1.tar.gz", "_com1.tar.gz"),
        ("lpt9 .txt", "_lpt9 .txt"),
        ("console.log", "console.log"),
        ("\ud800.txt", "txt"),
        ("~root", "~root"),
        ("-rf", "-rf"),
    ],
)
def test_file_names(sent: str, kept: str) -> None:
    assert sanitize_filename(sent) == kept


@pytest.mark.parametrize(
    ("sent", "ending"),
    [("a" * 300 + ".txt", ".txt"), ("é" * 300 + ".txt", ".txt"), ("a." + "b" * 300, "b")],
)
def test_long_file_names_keep_their_ending(sent: str, ending: str) -> None:
    kept = sanitize_filename(sent)
    assert len(kept.encode()) <= 255
    assert kept.endswith(ending)


@given(st.text(max_size=300))
def test_a_file_name_never_leaves_its_directory(sent: str) -> None:
    kept = sanitize_filename(sent)
    assert Path("/safe", kept).parent == Path("/safe") or kept == ""
    assert kept not in (".", "..")
    assert kept.isprintable()
    assert not set('/\\:<>"|?*') & set(kept)
    assert len(kept.encode()) <= 255
    assert sanitize_filename(kept) == kept


async def test_file_names_are_sanitised() -> None:
    body = upload("f", "..%22\\..\\evil.txt", b"") + END
    request = make_request(body)
    file = (await request.form()).file("f")
    assert file is not None
    assert file.filename == "evil.txt"
    request._close()
