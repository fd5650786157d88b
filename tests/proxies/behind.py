"""The app that the proxies of this folder lead to."""

import os

from flasgo import Flasgo, Request, WebSocket

app = Flasgo(
    settings={
        "SECRET_KEY": "0f3b1c9a7d5e42608b1f6c2d9e7a4b53",
        "ALLOWED_HOSTS": {"shop.example"},
        "TRUSTED_PROXIES": {"127.0.0.1"},
        "MAX_REQUEST_BODY_BYTES": 300_000,
    }
)


@app.get("/who")
async def who(request: Request) -> dict[str, object]:
    return {
        "client": request.client_ip,
        "scheme": request.scheme,
        "url": request.url,
        "link": app.url_for("item", number=7, _external=True),
        "user": request.headers.get("x-remote-user"),
        "worker": os.getpid(),
    }


@app.get("/items/<int:number>/")
async def item(number: int) -> dict[str, int]:
    return {"number": number}


@app.get("/echo/<name>")
async def echo(name: str) -> str:
    return name


@app.post("/upload")
async def upload(request: Request) -> str:
    return str(len(await request.body()))


@app.websocket("/ws")
async def ws(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_json([websocket.client_ip, websocket.scheme, text])
