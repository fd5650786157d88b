"""The posts: all of them on one page, and forms for their authors."""

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for

from .auth import login_required
from .db import get_db

bp = Blueprint("blog", __name__)


@bp.route("/")
def index():
    """Show all posts, the newest first."""
    posts = (
        get_db()
        .execute(
            "SELECT post.id, title, body, created, author_id, username"
            " FROM post JOIN user ON author_id = user.id ORDER BY created DESC"
        )
        .fetchall()
    )
    return render_template("blog/index.html", posts=posts)


def get_post(number, check_author=True):
    """Return a post, of the author alone unless told otherwise."""
    post = (
        get_db()
        .execute(
            "SELECT post.id, title, body, created, author_id, username"
            " FROM post JOIN user ON author_id = user.id WHERE post.id = ?",
            (number,),
        )
        .fetchone()
    )
    if post is None:
        abort(404, f"There is no post {number}.")
    if check_author and post["author_id"] != g.user["id"]:
        abort(403)
    return post


@bp.route("/create", methods=("GET", "POST"))
@login_required
def create():
    """Write a post."""
    if request.method == "POST":
        title = request.form["title"]
        body = request.form["body"]
        error = None
        if not title:
            error = "A title is needed."
        if error is not None:
            flash(error)
        else:
            db = get_db()
            db.execute(
                "INSERT INTO post (title, body, author_id) VALUES (?, ?, ?)",
                (title, body, g.user["id"]),
            )
            db.commit()
            return redirect(url_for("blog.index"))
    return render_template("blog/create.html")


@bp.route("/<int:number>/update", methods=("GET", "POST"))
@login_required
def update(number):
    """Change a post of one's own."""
    post = get_post(number)
    if request.method == "POST":
        title = request.form["title"]
        body = request.form["body"]
        error = None
        if not title:
            error = "A title is needed."
        if error is not None:
            flash(error)
        else:
            db = get_db()
            db.execute("UPDATE post SET title = ?, body = ? WHERE id = ?", (title, body, number))
            db.commit()
            return redirect(url_for("blog.index"))
    return render_template("blog/update.html", post=post)


@bp.route("/<int:number>/delete", methods=("POST",))
@login_required
def delete(number):
    """Delete a post of one's own."""
    get_post(number)
    db = get_db()
    db.execute("DELETE FROM post WHERE id = ?", (number,))
    db.commit()
    return redirect(url_for("blog.index"))
