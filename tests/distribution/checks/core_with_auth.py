"""flasgo-core and flasgo-auth."""

import asyncio

from flasgo import Flasgo, HasScope, User, bearer_token_backend

from .asgi import ask

app = Flasgo()


def backend(token: str) -> User | None:
    if token == "token-123":
        return User(id="alice", is_authenticated=True, scopes=frozenset({"admin"}))
    return None


app.register_auth_backend("bearer", bearer_token_backend(backend))


@app.get("/admin")
@app.authorize(HasScope("admin"), backend="bearer")
async def admin() -> dict[str, str]:
    return {"status": "ok"}


assert [plugin.name for plugin in app.plugins if not plugin.builtin] == ["auth"]
assert asyncio.run(ask(app, "/admin")).status == 401
assert asyncio.run(ask(app, "/admin", authorization="Bearer token-123")).status == 200
