"""Accounts, profiles, and the tokens by which they are known."""

import sqlite3
import time
from typing import Annotated

from flasgo import (
    Blueprint,
    Body,
    Flasgo,
    HTTPException,
    authorize,
    check_password_hash,
    current_app,
    current_user,
    generate_password_hash,
    jwt_backend,
)
from joserfc import jwt
from joserfc.jwk import OctKey
from msgspec import UNSET, structs

from .database import Database
from .models import Account, AccountChange, Login, Profile, Registration

TOKEN_SECONDS = 24 * 60 * 60
accounts = Blueprint("accounts", "/api")


def fault(field: str, message: str, status: int = 422) -> HTTPException:
    """Return the error for one field of what was sent."""
    return HTTPException(status, errors=[{"loc": [field], "msg": message}])


def set_up_tokens(app: Flasgo, key: str) -> None:
    """Have the app know users by `Authorization: Token ...`."""
    app.state.token_key = OctKey.import_key(key)
    app.register_auth_backend("token", jwt_backend(key, algorithm="HS256", scheme="Token"))


def my_id() -> int:
    """Return the number of who asks; 0 for visitors."""
    return int(current_user.id) if current_user.is_authenticated else 0


def account_of(row: sqlite3.Row) -> dict[str, Account]:
    """Return an account with a fresh token."""
    claims = {"sub": str(row["id"]), "exp": int(time.time()) + TOKEN_SECONDS}
    token = jwt.encode({"alg": "HS256"}, claims, current_app.state.token_key)
    return {"user": Account(row["email"], row["username"], row["bio"], row["image"], token)}


def profile_of(db: sqlite3.Connection, row: sqlite3.Row) -> Profile:
    """Return what everybody sees of an account."""
    query = "SELECT 1 FROM follow WHERE follower = ? AND followed = ?"
    is_followed = db.execute(query, (my_id(), row["id"])).fetchone() is not None
    return Profile(row["username"], row["bio"], row["image"], is_followed)


def user_by(db: sqlite3.Connection, field: str, value: object) -> sqlite3.Row:
    """Return an account; 404 when there is none."""
    row = db.execute(f"SELECT * FROM user WHERE {field} = ?", (value,)).fetchone()  # noqa: S608
    if row is None:
        raise fault("profile", "not found", 404)
    return row


def save(db: sqlite3.Connection, query: str, values: dict[str, object]) -> None:
    """Write an account; its name and address are its own."""
    try:
        db.execute(query, values)
    except sqlite3.IntegrityError as error:
        raise fault(str(error).rpartition(".")[2], "has already been taken") from None


@accounts.post("/users", status_code=201)
def register(user: Annotated[Registration, Body(alias="user")], db: Database) -> dict[str, Account]:
    """Make an account."""
    values = structs.asdict(user) | {"password": generate_password_hash(user.password)}
    query = "INSERT INTO user (username, email, password) VALUES (:username, :email, :password)"
    save(db, query, values)
    return account_of(user_by(db, "email", user.email))


@accounts.post("/users/login")
def login(user: Annotated[Login, Body(alias="user")], db: Database) -> dict[str, Account]:
    """Give a token for an address and a password."""
    row = db.execute("SELECT * FROM user WHERE email = ?", (user.email,)).fetchone()
    if not check_password_hash(row and row["password"], user.password) or row is None:
        raise fault("email or password", "is invalid")
    return account_of(row)


@accounts.get("/user")
@authorize()
def show(db: Database) -> dict[str, Account]:
    """Return the account of who asks."""
    return account_of(user_by(db, "id", my_id()))


@accounts.put("/user")
@authorize()
def change(user: Annotated[AccountChange, Body(alias="user")], db: Database) -> dict[str, Account]:
    """Change the account of who asks."""
    given = {key: value for key, value in structs.asdict(user).items() if value is not UNSET}
    if user.password is not UNSET:
        given["password"] = generate_password_hash(user.password)
    for name, value in given.items():  # names of the model's fields
        query = f"UPDATE user SET {name} = :value WHERE id = :id"  # noqa: S608
        save(db, query, {"value": value, "id": my_id()})
    return account_of(user_by(db, "id", my_id()))


@accounts.get("/profiles/<username>")
def show_profile(username: str, db: Database) -> dict[str, Profile]:
    """Return a profile."""
    return {"profile": profile_of(db, user_by(db, "username", username))}


@accounts.post("/profiles/<username>/follow")
@authorize()
def follow(username: str, db: Database) -> dict[str, Profile]:
    """Follow somebody."""
    row = user_by(db, "username", username)
    db.execute("INSERT OR IGNORE INTO follow VALUES (?, ?)", (my_id(), row["id"]))
    return {"profile": profile_of(db, row)}


@accounts.delete("/profiles/<username>/follow")
@authorize()
def unfollow(username: str, db: Database) -> dict[str, Profile]:
    """Follow somebody no longer."""
    row = user_by(db, "username", username)
    db.execute("DELETE FROM follow WHERE follower = ? AND followed = ?", (my_id(), row["id"]))
    return {"profile": profile_of(db, row)}
