"""Flasgo as `pip install flasgo` gives it: every plugin on, every default as it is."""

from flasgo import Flasgo, Request

from benchmarks.asgi import ASGIApp
from benchmarks.workload import SECRET_KEY, SESSION


def app(scenario: str) -> ASGIApp:
    """Build the application for `json` or `session`."""
    # The only setting is the secret, so that no random one is made (with a warning) in each run.
    application = Flasgo(settings={"SECRET_KEY": SECRET_KEY})
    application.get("/")(home)
    if scenario == "session":
        application.get("/login")(login)
        application.get("/session")(read_session)
    return application


async def home() -> dict[str, str]:
    """The JSON route."""
    return {"framework": "flasgo", "status": "ok"}


async def login(request: Request) -> dict[str, str]:
    """Fill the session."""
    request.session.update(SESSION)
    return {"status": "ok"}


async def read_session(request: Request) -> dict[str, object]:
    """Answer with what the session holds."""
    session = request.session
    return {"user": session["user"], "visits": session["visits"]}
