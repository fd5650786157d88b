"""flasgo-core and nothing else: it serves, stays light, and says what to install."""

import asyncio
import sys

import flasgo

from .asgi import ask

HEAVY = {"typer", "uvicorn", "watchfiles", "jinja2", "multipart", "httpx2", "itsdangerous"}


def check_light(when: str) -> None:
    loaded = HEAVY & set(sys.modules)
    assert not loaded, f"{when} loaded {sorted(loaded)}"


check_light("import flasgo")
app = flasgo.Flasgo()


@app.get("/hello/<name>")
async def hello(name: str) -> dict[str, str]:
    return {"hello": name}


check_light("building an app")
assert [plugin.name for plugin in app.plugins if not plugin.builtin] == []

answer = asyncio.run(ask(app, "/hello/you"))
assert (answer.status, answer.body) == (200, b'{"hello":"you"}'), answer
assert asyncio.run(ask(app, "/nowhere")).status == 404
check_light("serving a request")


def refusal(name: str, owner: object) -> str:
    """What is said to who asks for a name that no installed plugin brings."""
    try:
        getattr(owner, name)
    except (AttributeError, ImportError) as error:
        return str(error)
    raise AssertionError(f"{name} came from somewhere")


for missing, install in (
    ("authorize", "pip install flasgo-auth"),
    ("ratelimit", "pip install flasgo-security"),
    ("configure_templates", "pip install flasgo-templates"),
    ("configure_static", "pip install flasgo-static"),
    ("test_client", "pip install flasgo-testing"),
):
    said = refusal(missing, app)
    assert install in said, said

said = ""
try:
    from flasgo import HasScope  # noqa: F401
except ImportError as error:
    said = str(error)
assert "pip install flasgo-auth" in said, said
