"""What an application writes: every type checker takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from flasgo import (
    Blueprint,
    Connection,
    Depends,
    Flasgo,
    HasScope,
    OwnSettings,
    Policy,
    Request,
    Response,
    WebSocket,
    attach_policy,
    current_user,
    has_policy,
    rate_limit,
    render_template,
    session,
)
from flasgo.plugin import Finding, Plugin, Registry, hookimpl
from msgspec import Struct

app = Flasgo(__name__, settings={"DEBUG": True}, static_folder="static")
notes = Blueprint("notes", "/notes")


@dataclass
class Note:
    text: str


def page_size() -> int:
    return 10


@app.get("/")
@app.ratelimit(10, per=60)
async def index(request: Request) -> str:
    debug: bool = app.settings.DEBUG
    hosts: set[str] = request.app.settings.ALLOWED_HOSTS
    seconds: float = app.settings.REQUEST_READ_TIMEOUT_SECONDS
    request.session["visits"] = 1
    request.state.own = hosts
    app.state.own = seconds
    return render_template("index.html", user=request.user.id, debug=debug, nonce=request.csp_nonce)


@notes.post("/", response_model=Note)
@app.authorize(HasScope("write"))
async def create(note: Note, size: Annotated[int, Depends(page_size)]) -> Note:
    session["size"] = size
    return note


@app.websocket("/live")
@rate_limit(1, per=1)
async def live(websocket: WebSocket) -> None:
    await websocket.send_json({"user": current_user.id})


app.register_blueprint(notes)
client = app.test_client()
assert client.get("/").status_code == 200
greeting: str = app.settings.read("GREETING", str)
farewell: str | None = app.settings.read("FAREWELL", str | None)


def unsendable(text: str) -> str | None:
    return None if text.isascii() else "must be ASCII"


def unknown(zones: set[str] | None) -> str | None:
    return "must name a zone" if zones == set() else None


@dataclass(frozen=True)
class Internal(Policy):
    reason: str = "internal"


class InternalPlugin(Plugin):
    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        registry.setting("GREETING", str, default="hello", check=unsendable)
        registry.setting("ZONES", set[str] | None, default=None, check=unknown)
        registry.enforces(Internal)

    @hookimpl
    def app_created(self, app: Flasgo) -> None:
        self.app = app

    @hookimpl
    async def app_startup(self, app: Flasgo) -> None: ...

    @hookimpl
    def check_app(self, app: Flasgo, deploy: bool) -> list[Finding]:
        return []

    @hookimpl(when=has_policy(Internal))
    async def authorize(self, request: Connection) -> Response | None:
        return None

    @hookimpl
    def response_finalize(self, request: Connection, response: Response) -> None:
        response.headers["x-internal"] = "1"


attach_policy(index, Internal())


@dataclass
class Shop(OwnSettings):
    SHOP_NAME: str = "Shop"


class ShopStruct(OwnSettings, Struct):
    PAGE_SIZE: int = 20


shop = Flasgo[Shop](own_settings=Shop)
shop_name: str = shop.settings.SHOP_NAME
shop_debug: bool = shop.config.DEBUG
annotated: Flasgo[ShopStruct] = Flasgo(own_settings=ShopStruct)
page: int = annotated.settings.PAGE_SIZE
any_app: Flasgo = shop
own: str = any_app.settings.own(Shop).SHOP_NAME
pages = Blueprint("pages", template_folder="templates", static_folder="static", tags=["pages"])


class ShopApp(Flasgo[Shop]):
    def title(self) -> str:
        return self.settings.SHOP_NAME.title()


@pages.context_processor
def names() -> dict[str, object]:
    return {"shop": shop.settings.SHOP_NAME}


@shop.get("/name")
def name_of(app: Flasgo[Shop]) -> str:
    return app.settings.SHOP_NAME
