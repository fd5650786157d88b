"""`request.preferred_type`: what a handler makes of `Accept`."""

import pytest
from flasgo import Flasgo, Request


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("application/json", "application/json"),
        ("text/*", "text/html"),
        ("image/png", "application/json"),
        ("junk;;;", "application/json"),
    ],
)
def test_the_client_chooses_and_ties_go_to_the_first(accept, expected):
    app = Flasgo(settings={"SECRET_KEY": "0123456789abcdef" * 4})

    @app.get("/")
    def choose(request: Request):
        return request.preferred_type("application/json", "text/html")

    headers = {} if accept is None else {"accept": accept}
    client = app.test_client(headers=headers)
    if accept is None:
        del client.headers["accept"]
    assert client.get("/").text == expected


def test_something_has_to_be_offered():
    app = Flasgo(settings={"SECRET_KEY": "0123456789abcdef" * 4})

    @app.get("/")
    def choose(request: Request):
        return request.preferred_type()

    with pytest.raises(ValueError, match="at least one media type"):
        app.test_client().get("/")
