"""The quick start: a JSON route, a page, a form that is safe, static files.

Run it with `flasgo run examples/quickstart/app.py --reload` and open http://127.0.0.1:8000/welcome.
"""

import os
import secrets

from flasgo import Flasgo, Request, Response, redirect

app = Flasgo(
    static_folder="static",
    settings={
        "DEBUG": True,
        "SECRET_KEY": os.environ.get("FLASGO_SECRET_KEY", secrets.token_urlsafe(32)),
        "ALLOWED_HOSTS": {"127.0.0.1", "localhost"},
        "CSRF_ENABLED": True,
        # Plain http on this machine: a browser would not send `Secure` cookies back.
        "SESSION_COOKIE_SECURE": False,
        "CSRF_COOKIE_SECURE": False,
    },
)
app.configure_templates("templates")

# What the welcome page lists. `static/welcome.js` adds the values that the browser received.
PROTECTIONS = (
    ("content-security-policy", "Scripts and styles come from here or not at all."),
    ("x-frame-options", "No site can put this page in a frame."),
    ("x-content-type-options", "A file is what its type says, whatever its bytes look like."),
    ("referrer-policy", "Other sites learn which site you came from, not which page."),
    ("permissions-policy", "Camera, microphone and location stay off."),
    ("cross-origin-opener-policy", "Other sites that open this page get no handle on it."),
    ("cache-control", "Nothing you see here stays behind in a cache."),
)


@app.get("/")
async def home() -> dict[str, str]:
    """Answer with JSON: a dictionary is enough."""
    return {"framework": "flasgo", "status": "ok"}


@app.get("/welcome")
async def welcome() -> Response:
    """Show the page with the contact form."""
    return Response.template(
        "welcome.html",
        templates=app.templates,
        context={"plugins": list(app.plugins), "protections": PROTECTIONS},
    )


@app.post("/contact")
async def contact(request: Request) -> Response:
    """Take the form; a request without a valid CSRF token never gets here."""
    form = await request.form()
    if form.get("email"):
        return redirect("/thanks")
    return Response.json({"error": "email is required"}, status_code=400)


@app.get("/thanks")
async def thanks() -> Response:
    """Where the form leads."""
    return Response.template("thanks.html", templates=app.templates)


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=8000, reload=True)
