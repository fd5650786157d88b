"""flasgo-core and flasgo-testing."""

from flasgo import Flasgo, Request

app = Flasgo()


@app.post("/echo")
async def echo(request: Request) -> dict[str, object]:
    return {"got": await request.json()}


assert [plugin.name for plugin in app.plugins if not plugin.builtin] == ["testing"]
answer = app.test_client().post("/echo", json={"a": 1})
assert answer.status_code == 200, answer.text
assert answer.json() == {"got": {"a": 1}}
