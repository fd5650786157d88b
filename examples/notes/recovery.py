"""Confirming an e-mail address, and replacing a password that was forgotten.

Both send a link with a signed token. A token is good for one thing, for a limited time, and once:
it carries a number or an address that using it changes.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Annotated

from flasgo import (
    AllowAny,
    BackgroundTasks,
    Blueprint,
    Flasgo,
    Form,
    Request,
    Response,
    authorize,
    rate_limit,
    redirect,
    render_template,
)
from flasgo_auth import hash_password
from flasgo_security import SignedTokenError, flash
from msgspec import convert

from .accounts import Account, Accounts, UsesAccounts
from .mail import send

__all__ = ["EMAIL", "password_faults", "recovery", "send_confirmation"]

# Enough to catch slips; whether an address exists shows when a mail arrives.
EMAIL = re.compile(r"[^\s@<>\"(),:;\[\]\\]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
SHORTEST_PASSWORD = 10
CONFIRM_SECONDS = 3 * 24 * 3600
RESET_SECONDS = 3600

Page = str | tuple[str, int] | Response
recovery = Blueprint("recovery")


def password_faults(password: str, again: str) -> dict[str, str]:
    """Return what is wrong with a new password, by field."""
    if len(password) < SHORTEST_PASSWORD:
        return {"password": f"Use at least {SHORTEST_PASSWORD} characters."}
    return {} if password == again else {"again": "This is not the password above."}


# --- Confirming an address --------------------------------------------------------------------


def send_confirmation(app: Flasgo, account: Account) -> None:
    """Send the mail by which an owner confirms an address."""
    token = app.signer("confirm-email").sign([account.id, account.email])
    link = app.url_for("recovery.confirm_page", token=token, _external=True)
    send(
        str(account.email),
        "Confirm your address",
        f"Somebody registered {account.name!r} with this address. If that was you, open {link}. "
        "If not, do nothing.",
    )


@recovery.get("/confirm")
@authorize(AllowAny())
async def confirm_page(token: str = "") -> Response:
    """Show a button: programs that look into mails follow links, and press no buttons."""
    return _with_token(render_template("auth/confirm.html", token=token))


@recovery.post("/confirm")
@authorize(AllowAny())
@rate_limit(20, per=3600)
async def confirm(
    request: Request, accounts: UsesAccounts, token: Annotated[str, Form()] = ""
) -> Response:
    """Confirm the address of a token."""
    value = request.app.signer("confirm-email").unsign(token, max_age=CONFIRM_SECONDS)
    account_id, email = convert(value, tuple[int, str])
    if not await asyncio.to_thread(accounts.confirm_email, account_id, email):
        raise SignedTokenError
    flash("Your e-mail address is confirmed.", "success")
    return redirect(request.app.url_for("home"), 303)


# --- A forgotten password ---------------------------------------------------------------------


async def _address(request: Request) -> str:
    """Return the address that a mail was asked for: it gets a few, from all who ask."""
    return str((await request.form()).get("email", "")).strip().casefold()[:254]


@recovery.get("/forgotten")
@authorize(AllowAny())
async def forgotten_page() -> str:
    """Ask for the address."""
    return render_template("auth/forgotten.html", email="", faults={})


@recovery.post("/forgotten")
@authorize(AllowAny())
@rate_limit(10, per=3600)
@rate_limit(3, per=3600, key_func=_address)
async def forgotten(
    request: Request,
    accounts: UsesAccounts,
    tasks: BackgroundTasks,
    email: Annotated[str, Form()] = "",
) -> Page:
    """Send a link, where an account has this address.

    The answer and the time that it takes are the same where none has: looking it up and sending
    the mail is done in the background.
    """
    address = email.strip()
    if not EMAIL.fullmatch(address):
        faults = {"email": "This is not an e-mail address."}
        return render_template("auth/forgotten.html", email=email, faults=faults), 422
    tasks.add(_send_reset, request.app, accounts, address)
    flash("If an account has this address, a mail with a link is on its way to it.")
    return redirect(request.app.url_for("auth.login_page"), 303)


def _send_reset(app: Flasgo, accounts: Accounts, email: str) -> None:
    account = accounts.find_by_email(email)
    if account is None:
        return
    # Replacing the password counts the number up, and so ends this token and all others.
    token = app.signer("reset-password").sign([account.id, account.password_changes])
    link = app.url_for("recovery.reset_page", token=token, _external=True)
    send(
        str(account.email),
        "Choose a new password",
        f"To choose a new password for {account.name!r}, open {link} within the hour. If you did "
        "not ask for it, do nothing.",
    )


@dataclass
class ResetForm:
    """What the page for a new password sends."""

    token: str = ""
    password: str = ""
    again: str = ""


@recovery.get("/reset")
@authorize(AllowAny())
async def reset_page(request: Request, accounts: UsesAccounts, token: str = "") -> Response:
    """Ask for the new password."""
    await asyncio.to_thread(_resettable, request.app, accounts, token)
    form = ResetForm(token)
    return _with_token(render_template("auth/reset.html", form=form, faults={}))


@recovery.post("/reset")
@authorize(AllowAny())
@rate_limit(20, per=3600)
async def reset(
    request: Request,
    form: Annotated[ResetForm, Form()],
    accounts: UsesAccounts,
    tasks: BackgroundTasks,
) -> Response:
    """Replace the password; everybody who is logged in to the account is logged out."""
    account = await asyncio.to_thread(_resettable, request.app, accounts, form.token)
    faults = password_faults(form.password, form.again)
    if not faults:
        try:
            password_hash = await hash_password(form.password)
        except ValueError as error:  # a password that cannot be kept, with the reason
            faults["password"] = str(error)
        else:
            changed = await asyncio.to_thread(
                accounts.change_password, account.id, account.password_changes, password_hash
            )
            if not changed:
                raise SignedTokenError
            tasks.add(
                send,
                str(account.email),
                "Your password was replaced",
                f"The password of {account.name!r} was replaced. If that was not you, somebody "
                "reads your mails.",
            )
            flash("The password is replaced. Log in with the new one.", "success")
            return redirect(request.app.url_for("auth.login_page"), 303)
    page = render_template("auth/reset.html", form=form, faults=faults)
    return _with_token(page, 422)


def _resettable(app: Flasgo, accounts: Accounts, token: str) -> Account:
    """Return the account of a token that has not been used.

    Raises:
        SignedTokenError: When it has been, has expired, or was not made here.
    """
    value = app.signer("reset-password").unsign(token, max_age=RESET_SECONDS)
    account_id, password_changes = convert(value, tuple[int, int])
    account = accounts.get(account_id)
    if account is None or account.password_changes != password_changes:
        raise SignedTokenError
    return account


def _with_token(page: str, status: int = 200) -> Response:
    """Return a page whose address or form has a token: no other page is told the address."""
    return Response.html(page, status, {"referrer-policy": "no-referrer"})
