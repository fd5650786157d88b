"""Articles, comments, favorites and tags."""

import re
import sqlite3
from typing import Annotated

from flasgo import Blueprint, Body, Query, abort, authorize
from msgspec import UNSET, structs

from .accounts import fault, my_id, profile_of, user_by
from .database import Database
from .models import Article, ArticleChange, Comment, NewArticle, NewComment

articles = Blueprint("articles", "/api")
Limit = Annotated[int, Query(ge=1, le=100)]
Offset = Annotated[int, Query(ge=0)]


def slug_of(title: str) -> str:
    """Return a title as it stands in addresses."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "untitled"


def row_of(db: sqlite3.Connection, slug: str, *, is_mine: bool = False) -> sqlite3.Row:
    """Return an article: 404 when there is none, 403 when it is not of who asks."""
    row = db.execute("SELECT * FROM article WHERE slug = ?", (slug,)).fetchone()
    if row is None:
        raise fault("article", "not found", 404)
    if is_mine and row["author"] != my_id():
        abort(403)
    return row


def article_of(db: sqlite3.Connection, row: sqlite3.Row) -> Article:
    """Return an article as it is read."""
    tags = db.execute("SELECT name FROM tag WHERE article = ? ORDER BY name", (row["id"],))
    fans = [
        each["user"]
        for each in db.execute("SELECT user FROM favorite WHERE article = ?", (row["id"],))
    ]
    author = profile_of(db, user_by(db, "id", row["author"]))
    texts = (row["slug"], row["title"], row["description"], row["body"])
    times = (row["created"], row["updated"])
    return Article(
        *texts, [tag["name"] for tag in tags], *times, my_id() in fans, len(fans), author
    )


def page(
    db: sqlite3.Connection, where: str, values: dict[str, object], limit: int, offset: int
) -> dict[str, object]:
    """Return one page of articles, the newest first, and how many there are."""
    source = f"FROM article WHERE {where}"
    count = db.execute(f"SELECT count(*) {source}", values).fetchone()[0]
    query = f"SELECT * {source} ORDER BY id DESC LIMIT {limit} OFFSET {offset}"
    found = [article_of(db, row) for row in db.execute(query, values)]
    return {"articles": found, "articlesCount": count}


@articles.get("/articles")
def list_articles(
    db: Database,
    tag: str = "",
    author: str = "",
    favorited: str = "",
    limit: Limit = 20,
    offset: Offset = 0,
) -> dict[str, object]:
    """Return articles, of a tag, an author or somebody's favorites."""
    conditions = {
        "id IN (SELECT article FROM tag WHERE name = :tag)": tag,
        "author = (SELECT id FROM user WHERE username = :author)": author,
        "id IN (SELECT article FROM favorite JOIN user ON user = user.id"
        " WHERE username = :fan)": favorited,
    }
    where = " AND ".join(["1", *(text for text, value in conditions.items() if value)])
    return page(db, where, {"tag": tag, "author": author, "fan": favorited}, limit, offset)


@articles.get("/articles/feed")
@authorize()
def feed(db: Database, limit: Limit = 20, offset: Offset = 0) -> dict[str, object]:
    """Return the articles of those whom who asks follows."""
    where = "author IN (SELECT followed FROM follow WHERE follower = :me)"
    return page(db, where, {"me": my_id()}, limit, offset)


@articles.get("/articles/<slug>")
def show(slug: str, db: Database) -> dict[str, Article]:
    """Return an article."""
    return {"article": article_of(db, row_of(db, slug))}


@articles.post("/articles", status_code=201)
@authorize()
def create(
    article: Annotated[NewArticle, Body(alias="article")], db: Database
) -> dict[str, Article]:
    """Write an article."""
    values = structs.asdict(article) | {"slug": slug_of(article.title), "author": my_id()}
    del values["tag_list"]
    columns = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    query = f"INSERT INTO article ({columns}) VALUES ({places})"  # noqa: S608 - our own names
    try:
        number = db.execute(query, values).lastrowid
    except sqlite3.IntegrityError:
        raise fault("title", "has already been taken") from None
    for tag in dict.fromkeys(article.tag_list):
        db.execute("INSERT INTO tag VALUES (?, ?)", (number, tag))
    return show(str(values["slug"]), db)


@articles.put("/articles/<slug>")
@authorize()
def change(
    slug: str, article: Annotated[ArticleChange, Body(alias="article")], db: Database
) -> dict[str, Article]:
    """Change an article of one's own."""
    row = row_of(db, slug, is_mine=True)
    given = {key: value for key, value in structs.asdict(article).items() if value is not UNSET}
    if "title" in given:
        given["slug"] = slug = slug_of(given["title"])
    for name, value in given.items():  # names of the model's fields
        query = (
            f"UPDATE article SET {name} = ?, "  # noqa: S608
            "updated = strftime('%Y-%m-%dT%H:%M:%fZ') WHERE id = ?"
        )
        db.execute(query, (value, row["id"]))
    return show(slug, db)


@articles.delete("/articles/<slug>", status_code=204)
@authorize()
def delete(slug: str, db: Database) -> None:
    """Delete an article of one's own."""
    db.execute("DELETE FROM article WHERE id = ?", (row_of(db, slug, is_mine=True)["id"],))


@articles.post("/articles/<slug>/favorite")
@authorize()
def favorite(slug: str, db: Database) -> dict[str, Article]:
    """Make an article a favorite."""
    db.execute("INSERT OR IGNORE INTO favorite VALUES (?, ?)", (row_of(db, slug)["id"], my_id()))
    return show(slug, db)


@articles.delete("/articles/<slug>/favorite")
@authorize()
def unfavorite(slug: str, db: Database) -> dict[str, Article]:
    """Make an article a favorite no longer."""
    query = "DELETE FROM favorite WHERE article = ? AND user = ?"
    db.execute(query, (row_of(db, slug)["id"], my_id()))
    return show(slug, db)


def comment_of(db: sqlite3.Connection, row: sqlite3.Row) -> Comment:
    """Return a comment as it is read."""
    author = profile_of(db, user_by(db, "id", row["author"]))
    return Comment(row["id"], row["created"], row["created"], row["body"], author)


@articles.get("/articles/<slug>/comments")
def list_comments(slug: str, db: Database) -> dict[str, list[Comment]]:
    """Return the comments on an article."""
    query = "SELECT * FROM comment WHERE article = ? ORDER BY id"
    rows = db.execute(query, (row_of(db, slug)["id"],))
    return {"comments": [comment_of(db, row) for row in rows]}


@articles.post("/articles/<slug>/comments", status_code=201)
@authorize()
def add_comment(
    slug: str, comment: Annotated[NewComment, Body(alias="comment")], db: Database
) -> dict[str, Comment]:
    """Comment on an article."""
    query = "INSERT INTO comment (article, author, body) VALUES (?, ?, ?) RETURNING *"
    row = db.execute(query, (row_of(db, slug)["id"], my_id(), comment.body)).fetchone()
    return {"comment": comment_of(db, row)}


@articles.delete("/articles/<slug>/comments/<int:number>", status_code=204)
@authorize()
def delete_comment(slug: str, number: int, db: Database) -> None:
    """Delete a comment of one's own."""
    query = "SELECT * FROM comment WHERE id = ? AND article = ?"
    row = db.execute(query, (number, row_of(db, slug)["id"])).fetchone()
    if row is None:
        raise fault("comment", "not found", 404)
    if row["author"] != my_id():
        abort(403)
    db.execute("DELETE FROM comment WHERE id = ?", (number,))


@articles.get("/tags")
def list_tags(db: Database) -> dict[str, list[str]]:
    """Return all tags."""
    rows = db.execute("SELECT DISTINCT name FROM tag ORDER BY name")
    return {"tags": [row["name"] for row in rows]}
