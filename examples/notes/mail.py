"""Mails. This example writes them to its log: put your mail server in the place of `send`."""

from __future__ import annotations

import logging

__all__ = ["send"]

_logger = logging.getLogger("notes.mail")


def send(to: str, subject: str, text: str) -> None:
    """Send a mail; it may block, so call it in a background task.

    Args:
        to: The address.
        subject: The subject, on one line.
        text: The text.
    """
    # SECURITY: all who read this log can use the links. A real application logs no mails.
    _logger.warning("Mail to %s: %s\n\n%s", to, subject, text)
