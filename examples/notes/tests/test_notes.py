"""Writing, listing, searching, showing and deleting notes."""

import pytest

from ..db import like_pattern
from ..pictures import MAX_PICTURE_BYTES
from .conftest import PNG, send, write


def titles(page):
    return [part.split("</a>")[0].rpartition(">")[2] for part in page.text.split("<h2>")[1:]]


def test_a_note_is_shown_as_it_was_written(person):
    ada = person("ada")
    path = write(ada, "Tea & <b>cake</b>", "line one\n\n  line two <script>")
    page = ada.get(path).text
    assert "Tea &amp; &lt;b&gt;cake&lt;/b&gt;" in page
    assert "line one\n\n  line two &lt;script&gt;" in page.replace("\r\n", "\n")


def test_notes_need_a_title_and_keep_the_text(person):
    ada = person("ada")
    answer = send(ada, "/notes/new", {"title": " ", "body": "long thoughts"}, to="/notes")
    assert answer.status_code == 422
    assert "Give the note a title" in answer.text
    assert "long thoughts" in answer.text


@pytest.mark.parametrize(
    ("field", "value"), [("title", "x" * 121), ("body", "x" * 20_001)], ids=["title", "body"]
)
def test_notes_have_bounds(person, field, value):
    fields = {"title": "x", field: value}
    answer = send(person("ada"), "/notes/new", fields, to="/notes")
    assert answer.status_code == 422
    assert "Use at most" in answer.text


def test_notes_are_listed_newest_first_in_pages(person):
    ada = person("ada")
    for number in range(14):
        write(ada, f"note {number}")
    assert titles(ada.get("/notes")) == [f"note {number}" for number in range(13, 1, -1)]
    page = ada.get("/notes?page=2")
    assert titles(page) == ["note 1", "note 0"]
    assert "Page 2 of 2" in page.text
    assert "There is no page 7" in ada.get("/notes?page=7").text
    beyond = ada.get("/notes?q=note&page=7").text
    assert "There is no page 7" in beyond
    assert "page=6" not in beyond


@pytest.mark.parametrize("page", ["0", "-1", "x", "9" * 30])
def test_impossible_pages_are_refused(person, page):
    assert person("ada").get(f"/notes?page={page}").status_code == 422


def test_search_looks_for_the_text_as_it_stands(person):
    ada = person("ada")
    for title, body in [("100% sure", ""), ("1000 things", ""), ("a_b", "Tea!"), ("axb", "")]:
        write(ada, title, body)
    found = {text: titles(ada.get("/notes", params={"q": text})) for text in ("0%", "_", "tea!")}
    assert found == {"0%": ["100% sure"], "_": ["a_b"], "tea!": ["a_b"]}
    assert titles(ada.get("/notes", params={"q": "' OR 1=1 --"})) == []


def test_patterns_are_escaped():
    assert like_pattern("5%_!") == "%5!%!_!!%"


def test_a_search_keeps_its_words_over_pages(person):
    ada = person("ada")
    for number in range(13):
        write(ada, f"tea & cake {number}")
    page = ada.get("/notes", params={"q": "tea & cake"})
    assert 'href="/notes?page=2&amp;q=tea+%26+cake"' in page.text


def test_deleting_takes_the_note_and_its_picture(person, tmp_path):
    ada = person("ada")
    path = write(ada, "Tea", picture=PNG)
    assert len(list((tmp_path / "data/pictures").iterdir())) == 1
    answer = send(ada, path, {}, to=f"{path}/delete")
    assert "“Tea” is deleted" in answer.text
    assert ada.get(path).status_code == 404
    assert list((tmp_path / "data/pictures").iterdir()) == []


# --- Pictures -------------------------------------------------------------------------------


def test_a_picture_is_shown_and_can_do_nothing_else(person):
    ada = person("ada")
    path = write(ada, "Tea", picture=PNG)
    assert f'src="{path}/picture"' in ada.get(path).text
    answer = ada.get(f"{path}/picture")
    assert answer.content == PNG
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["cache-control"].startswith("private")


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0 jpeg", "image/jpeg"),
        (b"GIF89a gif", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
    ],
)
def test_the_content_says_what_it_is(person, content, media_type):
    ada = person("ada")
    path = write(ada, "Tea", picture=content)
    assert ada.get(f"{path}/picture").headers["content-type"] == media_type


@pytest.mark.parametrize(
    "content", [b"<svg onload=alert(1)>", b"<html>", b"RIFF\0\0\0\0WAVE", b"%PDF-1.7", b" " + PNG]
)
def test_other_files_are_refused_whatever_they_are_called(person, tmp_path, content):
    ada = person("ada")
    files = {"picture": ("a.png", content, "image/png")}
    answer = send(ada, "/notes/new", {"title": "Tea"}, to="/notes", files=files)
    assert answer.status_code == 422
    assert "not a PNG, JPEG, GIF or WebP picture" in answer.text
    assert not (tmp_path / "data/pictures").exists()


def test_a_picture_that_is_too_large_is_refused(person):
    ada = person("ada")
    files = {"picture": ("a.png", PNG + b"\0" * MAX_PICTURE_BYTES, "image/png")}
    answer = send(ada, "/notes/new", {"title": "Tea"}, to="/notes", files=files)
    assert answer.status_code == 422
    assert "up to 5 MB are accepted" in answer.text


def test_a_body_that_is_too_large_is_refused_before_it_is_read(person):
    ada = person("ada")
    files = {"picture": ("a.png", PNG + b"\0" * (2 * MAX_PICTURE_BYTES), "image/png")}
    answer = send(ada, "/notes/new", {"title": "Tea"}, to="/notes", files=files)
    assert answer.status_code == 413
    assert "That is too large" in answer.text


def test_no_file_chosen_is_no_picture(person):
    ada = person("ada")
    files = {"picture": ("", b"", "application/octet-stream")}
    answer = send(ada, "/notes/new", {"title": "Tea"}, to="/notes", files=files)
    assert answer.status_code == 200
    assert "/picture" not in answer.text
    assert ada.get(f"{answer.url.path}/picture").status_code == 404
