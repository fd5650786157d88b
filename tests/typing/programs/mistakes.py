"""Mistakes that are easily made: every type checker finds each line that is marked. Keywords of
`Unpack[TypedDict]` are not checked by ty yet."""

from __future__ import annotations

import flasgo
from flasgo import Blueprint, Bluprint, Connection, Flasgo, OwnSettings, Request, Response  # wrong
from flasgo.plugin import Plugin, Regestry, hookimpl  # wrong



class Shop(OwnSettings):
    SHOP_NAME: str


app = Flasgo(__name__)
shop = Flasgo[Shop](own_settings=Shop)
shop.settings.SHOP_NMAE  # wrong
shop.settings.SHOP_NAME.lowr()  # wrong
app.settings.SHOP_NAME  # wrong
other = Flasgo(__name__, static_foldr="x")  # wrong, but not for ty
notes = Blueprint("notes", "/notes")

app.gte("/")  # wrong
app.authorise()  # wrong
app.secret_key = "x"  # wrong
app.test_cleint()  # wrong
app.ratelimit(10, per="minute")  # wrong
notes.url_prefix = "/x"  # wrong
notes.gte("/")  # wrong
flasgo.rediretc("/")  # wrong


@app.get("/", blokcing=False)  # wrong, but not for ty
async def index(request: Request) -> str:
    request.sesion  # wrong
    request.user.nmae  # wrong
    request.headrs  # wrong
    request.sesion = 1  # wrong
    app.settings.DEBGU  # wrong
    size: str = app.settings.MAX_REQUEST_BODY_BYTES  # wrong
    app.settings.DEBUG.lower()  # wrong
    count: int = app.settings.read("GREETING", str)  # wrong
    return request.path + request.client_ip  # wrong


class WrongPlugin(Plugin):
    @hookimpl
    def plugin_setup(self, registri: int) -> None: ...  # wrong

    @hookimpl
    async def app_created(self, app: Flasgo) -> None: ...  # wrong

    @hookimpl
    def request_started(self, request: Connection) -> str:  # wrong
        return "hello"

    @hookimpl
    def authorize(self, request: Request) -> Response | None:  # wrong
        return None
