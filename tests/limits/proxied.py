"""The app behind a proxy that is trusted: it believes the proxy's headers, and counts clients."""

from flasgo import Flasgo, Request, rate_limit

app = Flasgo(
    settings={
        "SECRET_KEY": "0f3b1c9a7d5e42608b1f6c2d9e7a4b53",
        "ALLOWED_HOSTS": {"localhost", "127.0.0.1"},
        "TRUSTED_PROXIES": {"127.0.0.1"},
        "CSRF_ENABLED": False,
    }
)


@app.get("/")
async def index() -> str:
    return "hello"


@app.post("/read")
async def read(request: Request) -> str:
    return str(len(await request.body()))


@app.post("/quota")
@rate_limit(3, per=600)
async def quota(request: Request) -> dict[str, str | None]:
    await request.body()
    return {"client": request.client_ip, "user": request.headers.get("x-remote-user")}
