"""SEC-4: a 304 leaves the stored policy, with its nonce, in force (RFC 9111, 3.2 and 4.3.4)."""

import pytest
from flasgo import FileResponse, Response
from flasgo_security import csp

POLICIES = ("content-security-policy", "content-security-policy-report-only")


@pytest.fixture
def client(make_app, connect, tmp_path):
    app = make_app(CONTENT_SECURITY_POLICY_REPORT_ONLY="default-src 'self'")
    (tmp_path / "page.html").write_text("<p>no nonce")

    def page(request, early=False):
        response = Response.html("" if early else f"<script nonce={request.csp_nonce}>1</script>")
        response.set_etag("version-7")
        response.last_modified = 1_000_000
        return response.make_conditional(request)

    @app.get("/page")
    def show(request):
        return page(request)

    @app.get("/early")
    def early(request):
        is_known = request.headers.get("if-none-match") is not None
        return page(request, early=is_known)

    @app.get("/route")
    @csp(img_src="*")
    def route(request):
        return page(request)

    @app.get("/own")
    def own(request):
        response = page(request)
        response.headers["content-security-policy"] = f"script-src 'nonce-{request.csp_nonce}'"
        return response

    @app.get("/bare")
    def bare(request):
        return Response(status_code=304)

    @app.get("/cookie")
    def cookie(request):
        response = page(request)
        response.headers["cache-control"] = "public, max-age=60"
        response.set_cookie("a", "b")
        return response

    @app.get("/hashed")
    def hashed(request):
        return Response.html("<p>").make_conditional(request)

    @app.get("/file")
    def file(request):
        return FileResponse(tmp_path / "page.html")

    return connect(app)


@pytest.mark.parametrize("path", ["/page", "/early", "/route", "/own", "/cookie", "/hashed"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_304_carries_no_policy(client, path, method):
    first = client.get(path)
    assert first.status_code == 200
    assert all(name in first.headers for name in POLICIES)
    for condition in (
        {"if-none-match": first.headers["etag"]},
        *([{"if-modified-since": first.headers["last-modified"]}] if path == "/page" else []),
    ):
        answer = client.request(method, path, headers=condition)
        assert answer.status_code == 304
        assert not [name for name in POLICIES if name in answer.headers]
        # All else is there.
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["etag"] == first.headers["etag"]


def test_neither_does_one_that_a_handler_makes_by_hand(client):
    answer = client.get("/bare")
    assert answer.status_code == 304
    assert not [name for name in POLICIES if name in answer.headers]


def test_a_304_that_sets_a_cookie_stays_private(client):
    tag = client.get("/cookie").headers["etag"]
    answer = client.get("/cookie", headers={"if-none-match": tag})
    assert answer.status_code == 304
    assert answer.headers["cache-control"] == "private, max-age=60"
    assert answer.headers["vary"] == "Cookie"


def test_a_304_of_a_file_brings_the_policy_up_to_date(client):
    """A file holds no nonce, so that a stricter policy reaches pages that are kept."""
    first = client.get("/file")
    answer = client.get("/file", headers={"if-none-match": first.headers["etag"]})
    assert answer.status_code == 304
    assert answer.headers["content-security-policy"] == first.headers["content-security-policy"]


def test_head_gives_no_fresh_nonce_to_a_stored_page(client):
    """RFC 9111, section 4.3.5: an answer to HEAD with the same validators updates it, too."""
    answer = client.head("/page")
    assert answer.status_code == 200
    assert not [name for name in POLICIES if name in answer.headers]
    assert "content-security-policy" in client.head("/file").headers
