"""TPL-1: no name and no link leads out of the template directories."""

import os
from pathlib import Path

import pytest
from flasgo import ConfigurationError
from flasgo_templates import JinjaTemplates, MissingTemplateError, RefusedTemplateError
from flasgo_templates.loader import TemplateLoader
from hypothesis import HealthCheck, example, given, settings, strategies as st


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A root with templates, and secrets all around it."""
    for path in ["templates/home.html", "templates/sub/page.html"]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("fine")
    for path in ["secret.txt", "templates-old/secret.txt", "templatesecret.txt"]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("SECRET")
    return tmp_path


HOSTILE_NAMES = [
    "../secret.txt",
    "../templates-old/secret.txt",
    "sub/../../secret.txt",
    "sub/../home.html",
    "./home.html",
    "home.html/.",
    "home.html/",
    "/home.html",
    "//home.html",
    "sub//page.html",
    "..",
    ".",
    "/",
    "",
    "/etc/passwd",
    "..\\secret.txt",
    "sub\\page.html",
    "\\\\server\\share\\x",
    "C:/windows/win.ini",
    "C:secret.txt",
    "home.html::$DATA",
    "home.html\0",
    "home.html\0.txt",
    "\0",
    "home\n.html",
    "home\x7f.html",
    "home\u202egro.html",
    "\ud800",
    "a" * 513,
    "a/" * 300 + "b",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_hostile_names_are_refused(site, name):
    templates = JinjaTemplates(site / "templates")
    with pytest.raises(RefusedTemplateError) as caught:
        templates.render(name)
    assert caught.value.name == name
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("name", HOSTILE_NAMES[:10], ids=ascii)
@pytest.mark.parametrize(
    "source", ["{% include name %}", "{% extends name %}", "{% import name as m %}{{ m }}"]
)
def test_hostile_names_are_refused_inside_templates(site, name, source):
    templates = JinjaTemplates(site / "templates")
    with pytest.raises(RefusedTemplateError):
        templates.render_string(source, {"name": name})


@pytest.mark.parametrize(
    "name", ["%2e%2e/secret.txt", "..%2fsecret.txt", "sub", "...", "home.html ", "HOME2.html", "~"]
)
def test_other_strange_names_are_just_missing(site, name):
    with pytest.raises(MissingTemplateError):
        JinjaTemplates(site / "templates").render(name)


parts = st.sampled_from(
    ["..", ".", "", "sub", "home.html", "secret.txt", "templates", "templates-old", "\\", "\0", "~"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(parts, min_size=1, max_size=7).map("/".join) | st.text(max_size=30))
@example("../templates-old/secret.txt")
def test_no_name_reads_a_secret(site, name):
    try:
        text = JinjaTemplates(site / "templates").render(name)
    except (MissingTemplateError, RefusedTemplateError):
        return
    assert text == "fine"


@pytest.mark.parametrize(
    ("link", "target", "name"),
    [
        ("link.txt", "../secret.txt", "link.txt"),
        ("link.txt", "{site}/secret.txt", "link.txt"),
        ("link", "..", "link/secret.txt"),
        ("link", "{site}/templates-old", "link/secret.txt"),
        ("sub/link", "../..", "sub/link/templates-old/secret.txt"),
        ("link", "/", "link/etc/passwd"),
    ],
)
def test_links_that_lead_out_are_refused(site, link, target, name):
    (site / "templates" / link).symlink_to(target.format(site=site))
    with pytest.raises(RefusedTemplateError, match="leads out"):
        JinjaTemplates(site / "templates").render(name)


def test_chains_of_links_that_lead_out_are_refused(site):
    (site / "templates/a").symlink_to("b")
    (site / "templates/b").symlink_to("../secret.txt")
    with pytest.raises(RefusedTemplateError, match="leads out"):
        JinjaTemplates(site / "templates").render("a")


def test_a_link_in_the_first_directory_is_not_made_up_for_by_the_second(site):
    (site / "templates/secret.txt").symlink_to("../secret.txt")
    with pytest.raises(RefusedTemplateError):
        JinjaTemplates([site / "templates", site / "templates-old"]).render("secret.txt")


def test_links_inside_the_directory_are_followed(site):
    (site / "templates/link.html").symlink_to("sub/page.html")
    (site / "templates/folder").symlink_to("sub")
    templates = JinjaTemplates(site / "templates")
    assert templates.render("link.html") == templates.render("folder/page.html") == "fine"


def test_the_directory_itself_may_be_a_link(site):
    (site / "current").symlink_to("templates")
    templates = JinjaTemplates(site / "current")
    assert templates.render("home.html") == "fine"
    assert templates.directories == (site / "templates",)


def test_a_link_that_is_turned_out_later_is_refused_at_the_reload(site):
    link = site / "templates/link.html"
    link.symlink_to("home.html")
    templates = JinjaTemplates(site / "templates", auto_reload=True)
    assert templates.render("link.html") == "fine"
    link.unlink()
    link.symlink_to("../secret.txt")
    with pytest.raises(RefusedTemplateError):
        templates.render("link.html")


def test_loops_and_dangling_links_are_missing(site):
    (site / "templates/loop").symlink_to("loop")
    (site / "templates/dangling").symlink_to("nowhere")
    for name in ("loop", "dangling", "loop/x"):
        with pytest.raises(MissingTemplateError):
            JinjaTemplates(site / "templates").render(name)


def test_only_regular_files_are_read(site):
    os.mkfifo(site / "templates/pipe")
    (site / "templates/null").symlink_to("/dev/null")
    templates = JinjaTemplates(site / "templates")
    with pytest.raises(MissingTemplateError):
        templates.render("pipe")
    with pytest.raises(RefusedTemplateError):
        templates.render("null")


def test_a_file_that_is_not_utf8_is_refused(site):
    (site / "templates/latin.html").write_bytes(b"caf\xe9")
    with pytest.raises(RefusedTemplateError, match="UTF-8"):
        JinjaTemplates(site / "templates").render("latin.html")


def test_a_link_put_in_the_place_of_a_checked_file_is_not_followed(site):
    # What an attacker would win a race for: the path was found good, then it changed.
    link = site / "templates/link.html"
    link.symlink_to("../secret.txt")
    loader = TemplateLoader([], max_bytes=100)
    with pytest.raises(RefusedTemplateError, match="cannot be read"):
        loader._read(link, "link.html")


@pytest.mark.parametrize("prefix", ["", "a/b", "..", "/a", "a\\b", "a:b"])
def test_malformed_prefixes_are_refused(site, prefix):
    with pytest.raises(ConfigurationError, match="cannot be the prefix"):
        JinjaTemplates(site / "templates", prefixes={prefix: site / "templates-old"})


def test_unusual_but_harmless_names_work(site):
    for name in ("grüße.html", "with space.html", "日本/語.html", ".hidden", "a..b", "%2e%2e"):
        path = site / "templates" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("fine")
        assert JinjaTemplates(site / "templates").render(name) == "fine"
