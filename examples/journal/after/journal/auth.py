"""Accounts: register, log in, log out."""

import functools
import sqlite3

from flasgo import (
    Blueprint,
    FormData,
    flash,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flasgo_auth import check_password_hash, generate_password_hash

from .db import get_db

bp = Blueprint("auth", __name__, url_prefix="/auth")


@bp.before_app_request
def load_user():
    """Find the user of the session."""
    user_id = session.get("user_id")
    g.user = None
    if user_id is not None:
        g.user = get_db().execute("SELECT * FROM user WHERE id = ?", (user_id,)).fetchone()


def login_required(view):
    """Send visitors who are not logged in to the page for that."""

    @functools.wraps(view)
    def guarded(**kwargs):
        if g.user is None:
            return redirect(url_for("auth.login"))
        return view(**kwargs)

    return guarded


@bp.route("/register", methods=("GET", "POST"))
def register(form: FormData):
    """Make an account."""
    if request.method == "POST":
        username = form["username"]
        password = form["password"]
        db = get_db()
        error = None
        if not username:
            error = "A name is needed."
        elif not password:
            error = "A password is needed."
        if error is None:
            try:
                db.execute(
                    "INSERT INTO user (username, password) VALUES (?, ?)",
                    (username, generate_password_hash(password)),
                )
                db.commit()
            except sqlite3.IntegrityError:
                error = f"The name {username} is taken."
            else:
                return redirect(url_for("auth.login"))
        flash(error)
    return render_template("auth/register.html")


@bp.route("/login", methods=("GET", "POST"))
def login(form: FormData):
    """Log in with name and password."""
    if request.method == "POST":
        username = form["username"]
        password = form["password"]
        error = None
        user = get_db().execute("SELECT * FROM user WHERE username = ?", (username,)).fetchone()
        if user is None:
            error = "There is no such name."
        elif not check_password_hash(user["password"], password):
            error = "The password is wrong."
        if error is None:
            session.clear()
            session["user_id"] = user["id"]
            return redirect(url_for("index"))
        flash(error)
    return render_template("auth/login.html")


@bp.route("/logout")
def logout():
    """Forget who is logged in."""
    session.clear()
    return redirect(url_for("index"))
