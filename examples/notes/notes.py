"""Notes: writing, listing, searching, showing and deleting them, each for its owner alone."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from flasgo import (
    Blueprint,
    Depends,
    FileResponse,
    Form,
    Query,
    Request,
    Response,
    UploadedFile,
    abort,
    current_user,
    redirect,
    render_template,
)
from flasgo_security import flash
from msgspec import Meta

from .db import Database, like_pattern
from .pictures import MAX_PICTURE_BYTES, BadPictureError, Picture, Pictures

__all__ = ["Note", "NoteForm", "Notebook", "notes"]

PER_PAGE = 12
LONGEST_TITLE = 120
LONGEST_BODY = 20_000
# A form with a picture, and some room for its other fields.
MAX_FORM_BYTES = MAX_PICTURE_BYTES + 256 * 1024


@dataclass(frozen=True)
class Note:
    """A note.

    Attributes:
        picture: Its picture, or None.
    """

    id: int
    title: str
    body: str
    created_at: datetime
    picture: Picture | None

    @classmethod
    def of(cls, row: sqlite3.Row) -> Note:
        """Return the note of a row."""
        picture = Picture(row["picture"], row["picture_type"]) if row["picture"] else None
        created = datetime.fromisoformat(row["created_at"])
        return cls(row["id"], row["title"], row["body"], created, picture)


@dataclass(frozen=True)
class Results:
    """One page of notes.

    Attributes:
        notes: The notes.
        total: How many there are on all pages.
        page: The number of this page, from 1.
    """

    notes: list[Note]
    total: int
    page: int

    @property
    def pages(self) -> int:
        """How many pages there are, at least 1."""
        return max(1, -(-self.total // PER_PAGE))


@dataclass
class NoteForm:
    """What the page for a new note sends."""

    title: str = ""
    body: str = ""
    picture: UploadedFile | None = None

    def faults(self) -> dict[str, str]:
        """Return what is wrong, by field."""
        found = {}
        if not self.title.strip():
            found["title"] = "Give the note a title."
        elif len(self.title) > LONGEST_TITLE:
            found["title"] = f"Use at most {LONGEST_TITLE} characters."
        if len(self.body) > LONGEST_BODY:
            found["body"] = f"Use at most {LONGEST_BODY} characters."
        return found


class Notebook:
    """The notes in the database. Every method may block, and asks for the owner.

    Args:
        database: The database.
        pictures: Where their pictures are.
    """

    def __init__(self, database: Database, pictures: Pictures) -> None:
        self._database = database
        self.pictures = pictures

    def search(self, owner: object, text: str, page: int) -> Results:
        """Return a page of the notes with a text in title or body, the newest first."""
        # Only constants are put together here; what people typed goes in as parameters.
        found = (
            "FROM note WHERE owner_id = ? AND (title LIKE ? ESCAPE '!' OR body LIKE ? ESCAPE '!')"
        )
        pattern = like_pattern(text)
        values = (owner, pattern, pattern)
        with self._database.connect() as connection:
            (total,) = connection.execute(f"SELECT count(*) {found}", values).fetchone()
            rows = connection.execute(
                f"SELECT * {found} ORDER BY id DESC LIMIT ? OFFSET ?",
                (*values, PER_PAGE, (page - 1) * PER_PAGE),
            ).fetchall()
        return Results([Note.of(row) for row in rows], total, page)

    def get(self, owner: object, note_id: int) -> Note | None:
        """Return a note of an owner, or None: that of somebody else is not there."""
        with self._database.connect() as connection:
            row = connection.execute(
                "SELECT * FROM note WHERE id = ? AND owner_id = ?", (note_id, owner)
            ).fetchone()
        return Note.of(row) if row else None

    def add(self, owner: object, form: NoteForm) -> int:
        """Add a note, and return its id.

        Raises:
            BadPictureError: When the picture is not accepted.
        """
        picture = self.pictures.keep(form.picture) if form.picture else None
        name, media_type = picture or (None, None)
        try:
            with self._database.connect() as connection:
                row = connection.execute(
                    "INSERT INTO note (owner_id, title, body, picture, picture_type) "
                    "VALUES (?, ?, ?, ?, ?) RETURNING id",
                    (owner, form.title.strip(), form.body.strip(), name, media_type),
                ).fetchone()
        except BaseException:
            if picture:
                self.pictures.forget(picture)
            raise
        return row["id"]

    def delete(self, owner: object, note_id: int) -> Note | None:
        """Delete a note with its picture, and return it; None when the owner has no such note."""
        with self._database.connect() as connection:
            row = connection.execute(
                "DELETE FROM note WHERE id = ? AND owner_id = ? RETURNING *", (note_id, owner)
            ).fetchone()
        note = Note.of(row) if row else None
        if note and note.picture:
            self.pictures.forget(note.picture)
        return note


def notebook_of(request: Request) -> Notebook:
    """Return the notebook of the app that serves a request."""
    return request.app.state.notebook


UsesNotebook = Annotated[Notebook, Depends(notebook_of, blocking=False)]
PageNumber = Annotated[int, Query(), Meta(ge=1, le=1_000_000)]

# The handlers are plain `def`: SQLite blocks, so Flasgo runs them in worker threads.
notes = Blueprint("notes", "/notes")


@notes.get("")
def index(notebook: UsesNotebook, q: str = "", page: PageNumber = 1) -> str:
    """List notes, all of them or those with a text."""
    results = notebook.search(current_user.id, q.strip()[:200], page)
    return render_template("notes/index.html", results=results, q=q)


@notes.get("/new")
async def new() -> str:
    """Show the page for a new note."""
    return render_template("notes/new.html", form=NoteForm(), faults={})


@notes.post("", max_body=MAX_FORM_BYTES)
def create(
    request: Request, form: Annotated[NoteForm, Form()], notebook: UsesNotebook
) -> tuple[str, int] | Response:
    """Add a note."""
    faults = form.faults()
    if not faults:
        try:
            note_id = notebook.add(current_user.id, form)
        except BadPictureError as error:
            faults["picture"] = str(error)
        else:
            flash("Saved.", "success")
            return redirect(request.app.url_for("notes.show", note_id=note_id), 303)
    return render_template("notes/new.html", form=form, faults=faults), 422


@notes.get("/<int:note_id>")
def show(note_id: int, notebook: UsesNotebook) -> str:
    """Show a note."""
    note = notebook.get(current_user.id, note_id) or abort(404)
    return render_template("notes/show.html", note=note)


@notes.get("/<int:note_id>/picture")
def picture(note_id: int, notebook: UsesNotebook) -> FileResponse:
    """Send the picture of a note to its owner."""
    note = notebook.get(current_user.id, note_id)
    if note is None or note.picture is None:
        abort(404)
    return notebook.pictures.response(note.picture)


@notes.post("/<int:note_id>/delete")
def delete(request: Request, note_id: int, notebook: UsesNotebook) -> Response:
    """Delete a note."""
    note = notebook.delete(current_user.id, note_id) or abort(404)
    flash(f"“{note.title}” is deleted.")
    return redirect(request.app.url_for("notes.index"), 303)
