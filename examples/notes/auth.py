"""Accounts: who there is, and the pages to register, log in and log out."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from dataclasses import dataclass
from typing import Annotated

from flasgo import (
    AllowAny,
    Blueprint,
    Depends,
    Form,
    Request,
    Response,
    User,
    authorize,
    is_safe_redirect_target,
    rate_limit,
    redirect,
    render_template,
)
from flasgo_auth import hash_password, login, logout, report_failed_login, verify_password
from flasgo_security import flash

from .db import Database

__all__ = ["Account", "Accounts", "auth"]

NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{1,30}")
SHORTEST_PASSWORD = 10


@dataclass(frozen=True)
class Account:
    """Somebody who has registered."""

    id: int
    name: str
    password_hash: str


class NameTakenError(Exception):
    """Raised when an account of that name exists."""


class Accounts:
    """The accounts in the database. Every method may block: call them in worker threads.

    Args:
        database: The database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, name: str) -> Account | None:
        """Return the account of a name, however that is capitalised."""
        with self._database.connect() as connection:
            row = connection.execute(
                "SELECT id, name, password_hash FROM account WHERE name = ?", (name,)
            ).fetchone()
        return Account(**row) if row else None

    def add(self, name: str, password_hash: str) -> Account:
        """Add an account.

        Raises:
            NameTakenError: When there is one of that name.
        """
        try:
            with self._database.connect() as connection:
                row = connection.execute(
                    "INSERT INTO account (name, password_hash) VALUES (?, ?) RETURNING id",
                    (name, password_hash),
                ).fetchone()
        except sqlite3.IntegrityError:
            raise NameTakenError(name) from None
        return Account(row["id"], name, password_hash)

    def replace_hash(self, account: Account, password_hash: str) -> None:
        """Store a stronger hash of the same password."""
        with self._database.connect() as connection:
            connection.execute(
                "UPDATE account SET password_hash = ? WHERE id = ?", (password_hash, account.id)
            )

    def load_user(self, user_id: object) -> User | None:
        """Return the user of a session, or None when the account is gone."""
        with self._database.connect() as connection:
            row = connection.execute(
                "SELECT id, name FROM account WHERE id = ?", (user_id,)
            ).fetchone()
        return User(id=row["id"], name=row["name"]) if row else None


def accounts_of(request: Request) -> Accounts:
    """Return the accounts of the app that serves a request."""
    return request.app.state.accounts


UsesAccounts = Annotated[Accounts, Depends(accounts_of, blocking=False)]


@dataclass
class LoginForm:
    """What the login page sends. Everything has a default: the page says what is missing."""

    name: str = ""
    password: str = ""
    next: str = ""


@dataclass
class RegisterForm:
    """What the page to register sends."""

    name: str = ""
    password: str = ""
    again: str = ""

    def faults(self) -> dict[str, str]:
        """Return what is wrong, by field."""
        found = {}
        if not NAME.fullmatch(self.name.strip()):
            found["name"] = (
                "Use 2 to 31 letters, digits, dots, hyphens or underscores; begin with a letter."
            )
        if len(self.password) < SHORTEST_PASSWORD:
            found["password"] = f"Use at least {SHORTEST_PASSWORD} characters."
        elif self.password != self.again:
            found["again"] = "This is not the password above."
        return found


Page = str | tuple[str, int] | Response
auth = Blueprint("auth")


@auth.get("/register")
@authorize(AllowAny())
async def register_page() -> str:
    """Show the page to register."""
    return render_template("auth/register.html", form=RegisterForm(), faults={})


@auth.post("/register")
@authorize(AllowAny())
@rate_limit(20, per=3600)
async def register(
    request: Request, form: Annotated[RegisterForm, Form()], accounts: UsesAccounts
) -> Page:
    """Make an account, and log its owner in."""
    faults = form.faults()
    if not faults:
        try:
            # Hashing takes its time by design; this waits in a worker thread, not on the loop.
            password_hash = await hash_password(form.password)
            account = await asyncio.to_thread(accounts.add, form.name.strip(), password_hash)
        except ValueError as error:  # a password that cannot be kept, with the reason
            faults["password"] = str(error)
        except NameTakenError:
            faults["name"] = "Somebody has this name already; choose another one."
        else:
            login(request, User(id=account.id, name=account.name))
            flash(f"Welcome, {account.name}. This is where your notes go.", "success")
            return redirect(request.app.url_for("notes.index"), 303)
    return render_template("auth/register.html", form=form, faults=faults), 422


@auth.get("/login")
@authorize(AllowAny())
async def login_page(next: str = "") -> str:  # noqa: A002 - the name in the URL
    """Show the login page; `next` is where to go afterwards."""
    return render_template("auth/login.html", form=LoginForm(next=next), failed=False)


@auth.post("/login")
@authorize(AllowAny())
@rate_limit(10, per=60)
async def log_in(
    request: Request, form: Annotated[LoginForm, Form()], accounts: UsesAccounts
) -> Page:
    """Log somebody in who knows the password."""
    account = await asyncio.to_thread(accounts.find, form.name.strip())
    # Checked for unknown names too: the time it takes must not tell who has an account.
    check = await verify_password(form.password, account.password_hash if account else None)
    if account is None or not check:
        report_failed_login(request, username=form.name)
        return render_template("auth/login.html", form=form, failed=True), 422
    if check.new_hash:
        await asyncio.to_thread(accounts.replace_hash, account, check.new_hash)
    login(request, User(id=account.id, name=account.name))
    flash(f"Welcome back, {account.name}.", "success")
    start = request.app.url_for("notes.index")
    return redirect(form.next if is_safe_redirect_target(form.next) else start, 303)


@auth.post("/logout")
@authorize(AllowAny())
async def log_out(request: Request) -> Response:
    """Log out. A form does this, since a link could be followed from any site."""
    logout(request)
    flash("You are logged out.")
    return redirect(request.app.url_for("home"), 303)
