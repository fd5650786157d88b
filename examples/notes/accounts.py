"""Accounts: who has registered."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, fields
from typing import Annotated

from flasgo import Depends, Request, User

from .db import Database

__all__ = ["Account", "Accounts", "Member", "NameTakenError", "UsesAccounts"]


@dataclass(frozen=True)
class Account:
    """Somebody who has registered."""

    id: int
    name: str
    password_hash: str
    email: str | None = None
    email_confirmed: int = 0
    password_changes: int = 0


@dataclass(frozen=True)
class Member(User):
    """The user of a request.

    Attributes:
        password_changes: How often the password was replaced: logins from before that are over.
    """

    password_changes: int = 0

    @classmethod
    def of(cls, account: Account) -> Member:
        """Return the user of an account."""
        return cls(id=account.id, name=account.name, password_changes=account.password_changes)


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
        return self._one("name = ?", name)

    def get(self, account_id: object) -> Account | None:
        """Return an account by its id."""
        return self._one("id = ?", account_id)

    def find_by_email(self, email: str) -> Account | None:
        """Return the account whose owner has confirmed an e-mail address."""
        return self._one("email = ? AND email_confirmed", email)

    def _one(self, condition: str, value: object) -> Account | None:
        columns = ", ".join(field.name for field in fields(Account))
        with self._database.connect() as connection:
            row = connection.execute(
                f"SELECT {columns} FROM account WHERE {condition}",  # noqa: S608 - both from here
                (value,),
            ).fetchone()
        return Account(**row) if row else None

    def add(self, name: str, password_hash: str, email: str | None = None) -> Account:
        """Add an account.

        Raises:
            NameTakenError: When there is one of that name.
        """
        try:
            with self._database.connect() as connection:
                row = connection.execute(
                    "INSERT INTO account (name, password_hash, email) VALUES (?, ?, ?) "
                    "RETURNING id",
                    (name, password_hash, email),
                ).fetchone()
        except sqlite3.IntegrityError:
            raise NameTakenError(name) from None
        return Account(row["id"], name, password_hash, email)

    def replace_hash(self, account: Account, password_hash: str) -> None:
        """Store a stronger hash of the same password."""
        with self._database.connect() as connection:
            connection.execute(
                "UPDATE account SET password_hash = ? WHERE id = ?", (password_hash, account.id)
            )

    def confirm_email(self, account_id: int, email: str) -> bool:
        """Note that the owner of an account reads the mails of an address.

        Returns:
            False when that is known, the account has another address by now, or another account
            has confirmed this one.
        """
        try:
            with self._database.connect() as connection:
                changed = connection.execute(
                    "UPDATE account SET email_confirmed = 1 "
                    "WHERE id = ? AND email = ? AND NOT email_confirmed",
                    (account_id, email),
                )
                return changed.rowcount == 1
        except sqlite3.IntegrityError:
            return False

    def change_password(self, account_id: int, password_changes: int, password_hash: str) -> bool:
        """Replace a password, unless it has been replaced since.

        One statement compares and writes: of two requests with the same link, one succeeds.

        Returns:
            Whether it was replaced.
        """
        with self._database.connect() as connection:
            changed = connection.execute(
                "UPDATE account SET password_hash = ?, password_changes = password_changes + 1 "
                "WHERE id = ? AND password_changes = ?",
                (password_hash, account_id, password_changes),
            )
            return changed.rowcount == 1

    def load_user(self, user_id: int) -> Member | None:
        """Return the user of a session, or None when the account is gone."""
        account = self.get(user_id)
        return Member.of(account) if account else None


def accounts_of(request: Request) -> Accounts:
    """Return the accounts of the app that serves a request."""
    return request.app.state.accounts


UsesAccounts = Annotated[Accounts, Depends(accounts_of, blocking=False)]
