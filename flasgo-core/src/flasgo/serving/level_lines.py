"""The formatter of Flasgo's loggers under `flasgo run` without `--log-format`."""

from __future__ import annotations

import logging

from uvicorn.logging import DefaultFormatter

from flasgo.serving.logs import ESCAPED

__all__ = ["LevelFormatter"]


class LevelFormatter(DefaultFormatter):
    """Writes records as uvicorn does, and each message on one line (CWE-117)."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the first line of a record."""
        record.message = record.message.translate(ESCAPED)
        return super().formatMessage(record)
