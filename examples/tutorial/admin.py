from flasgo import (
    Blueprint,
    Request,
    Response,
    User,
    abort,
    current_app,
    flash,
    login,
    logout,
    rate_limit,
    redirect,
    render_template,
    safe_next,
    verify_password,
)

from database import current_book
from settings import Settings

admin = Blueprint("admin", "/admin")


def load_user(name: object) -> User | None:
    return User(id="admin") if name == "admin" else None


@admin.get("/login")
def login_page() -> str:
    return render_template("login.html", failed=False)


@admin.post("/login")
@rate_limit(5, per=60)
async def log_in(request: Request) -> Response | tuple[str, int]:
    form = await request.form()
    stored = current_app.settings.own(Settings).ADMIN_PASSWORD_HASH
    if not await verify_password(form.get("password", ""), stored):
        return render_template("login.html", failed=True), 401
    login(request, User(id="admin"))
    return redirect(safe_next(request.query.get("next")), 303)


@admin.post("/logout")
def log_out(request: Request) -> Response:
    logout(request)
    return redirect("/", 303)


@admin.post("/entries/<int:number>/remove")
def remove(number: int) -> Response:
    if not current_book().remove(number):
        abort(404)
    flash("The entry was removed.")
    return redirect("/", 303)
