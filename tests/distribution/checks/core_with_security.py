"""flasgo-core and flasgo-security."""

import asyncio

from flasgo import Flasgo, Request, rate_limit

from .asgi import ask

app = Flasgo()


@app.get("/")
@rate_limit(1, per=60)
async def home(request: Request) -> dict[str, object]:
    return {"session": dict(request.session)}


async def main() -> None:
    answer = await ask(app, "/")
    assert answer.status == 200, answer
    assert answer.headers["x-content-type-options"] == "nosniff", answer
    assert (await ask(app, "/")).status == 429
    assert (await ask(app, "/", host="attacker.example")).status == 400
    assert (await ask(app, "/", method="POST")).status in {403, 405}


assert [plugin.name for plugin in app.plugins if not plugin.builtin] == ["security"]
asyncio.run(main())
