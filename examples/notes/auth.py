"""The pages to register, log in and log out."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Annotated

from flasgo import (
    AllowAny,
    BackgroundTasks,
    Blueprint,
    Form,
    Request,
    Response,
    authorize,
    is_safe_redirect_target,
    rate_limit,
    redirect,
    render_template,
)
from flasgo_auth import hash_password, login, logout, report_failed_login, verify_password
from flasgo_security import flash

from .accounts import Member, NameTakenError, UsesAccounts
from .recovery import EMAIL, password_faults, send_confirmation

__all__ = ["auth"]

NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{1,30}")


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
    email: str = ""
    password: str = ""
    again: str = ""

    def faults(self) -> dict[str, str]:
        """Return what is wrong, by field."""
        found = {}
        if not NAME.fullmatch(self.name.strip()):
            found["name"] = (
                "Use 2 to 31 letters, digits, dots, hyphens or underscores; begin with a letter."
            )
        if self.email.strip() and not EMAIL.fullmatch(self.email.strip()):
            found["email"] = "This is not an e-mail address. It may be left empty."
        return found | password_faults(self.password, self.again)


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
    request: Request,
    form: Annotated[RegisterForm, Form()],
    accounts: UsesAccounts,
    tasks: BackgroundTasks,
) -> Page:
    """Make an account, and log its owner in."""
    faults = form.faults()
    if not faults:
        try:
            # Hashing takes its time by design; this waits in a worker thread, not on the loop.
            password_hash = await hash_password(form.password)
            account = await asyncio.to_thread(
                accounts.add, form.name.strip(), password_hash, form.email.strip() or None
            )
        except ValueError as error:  # a password that cannot be kept, with the reason
            faults["password"] = str(error)
        except NameTakenError:
            faults["name"] = "Somebody has this name already; choose another one."
        else:
            login(request, Member.of(account), generation=account.password_changes)
            flash(f"Welcome, {account.name}. This is where your notes go.", "success")
            if account.email:
                tasks.add(send_confirmation, request.app, account)
                flash("To confirm your e-mail address, follow the link in the mail.")
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
    login(request, Member.of(account), generation=account.password_changes)
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
