"""Mails, which are kept in a list here: a real app hands them to a server."""

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True)
class Mail:
    """One mail."""

    to: str
    subject: str


OUTBOX: list[Mail] = []


async def send_mail(to: str, subject: str) -> None:
    await asyncio.sleep(0)
    OUTBOX.append(Mail(to, subject))


def send_welcome(to: str, name: str) -> None:
    """Is called in a worker thread."""
    OUTBOX.append(Mail(to, f"Welcome, {name}"))
