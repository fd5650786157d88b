"""What ports of Flask applications were missing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from flasgo import (
    Flasgo,
    FormData,
    Response,
    RouteError,
    check_password_hash,
    generate_password_hash,
    hash_password,
    url_for,
)

from tests.conftest import Connect

MakeApp = Callable[..., Flasgo]
PASSWORD = "correct horse battery"


def test_a_form_is_a_parameter_of_a_def_handler(make_app: MakeApp, connect: Connect) -> None:
    app = make_app()

    @app.route("/", methods=["GET", "POST"])
    def show(form: FormData) -> str:
        return form.get("title", "none")

    client = connect(app)
    assert client.get("/").text == "none"
    assert client.post("/", data={"title": "Tea"}).text == "Tea"
    assert client.post("/", json={"title": "Tea"}).status_code == 415
    assert app.openapi_spec()["paths"]["/"]["post"]


def test_a_route_has_a_second_name(make_app: MakeApp, connect: Connect) -> None:
    app = make_app()
    app.get("/", endpoint="all_posts")(lambda: url_for("index"))
    app.get("/other", endpoint="other")(lambda: "x")
    app.add_url_rule("/", endpoint="index")
    assert connect(app).get("/").text == "/"
    assert app.url_for("index", page=2) == "/?page=2"
    with pytest.raises(RouteError, match="'index' belongs to another handler"):
        app.add_url_rule("/other", endpoint="index")
    with pytest.raises(RouteError, match="was given no view_func"):
        app.add_url_rule("/nowhere", endpoint="nowhere")


def test_passwords_of_def_handlers(make_app: MakeApp, connect: Connect) -> None:
    app = make_app()
    stored = generate_password_hash(PASSWORD)

    @app.get("/")
    def check(password: str) -> str:
        return str(bool(check_password_hash(stored, password)))

    client = connect(app)
    assert client.get("/", params={"password": PASSWORD}).text == "True"
    assert client.get("/", params={"password": "wrong"}).text == "False"
    assert not check_password_hash(None, PASSWORD)
    assert not check_password_hash(stored, "")


async def test_they_do_not_stop_an_event_loop() -> None:
    with pytest.raises(RuntimeError, match=r"Write `await hash_password\(password\)`"):
        generate_password_hash(PASSWORD)
    stored = await hash_password(PASSWORD)
    with pytest.raises(RuntimeError, match="await verify_password"):
        check_password_hash(stored, PASSWORD)
    assert await asyncio.to_thread(check_password_hash, stored, PASSWORD)


def test_a_cookie_lives_for_a_timedelta() -> None:
    response = Response("x")
    response.set_cookie("theme", "dark", max_age=timedelta(days=1, milliseconds=5))
    assert "Max-Age=86400;" in response.headers["set-cookie"] + ";"
