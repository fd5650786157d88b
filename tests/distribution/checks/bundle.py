"""Everything at once: names, members and protections are there without a line of set-up."""

from flasgo import Flasgo, HasScope, IsAuthenticated, Response, User, rate_limit

app = Flasgo()


@app.get("/")
@rate_limit(100, per=60)
async def home() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/admin")
@app.authorize(IsAuthenticated(), HasScope("admin"))
async def admin() -> Response:
    return Response.json({"status": "ok"})


assert User(id="alice", is_authenticated=True).id == "alice"
assert {plugin.name for plugin in app.plugins if not plugin.builtin} == {
    "auth",
    "security",
    "static",
    "templates",
    "testing",
}
client = app.test_client()
answer = client.get("/")
assert answer.status_code == 200, answer.text
assert "content-security-policy" in answer.headers, answer.headers
assert "ratelimit-limit" in answer.headers or "x-ratelimit-limit" in answer.headers, answer.headers
assert client.get("/admin").status_code == 401
