"""Reads `FLASGO_*` variables from a `.env` file, without touching the process environment."""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from pathlib import Path

from flasgo.errors import SettingError

__all__ = ["read_dotenv"]

logger = logging.getLogger("flasgo.settings")


def read_dotenv(path: Path, *, prefix: str = "FLASGO_") -> Mapping[str, str]:
    """Return the variables of a `.env` file whose names start with `prefix`.

    Values are taken literally (`$NAME` is not expanded) and are never exported to `os.environ`.
    A file that does not exist, or that never mentions the prefix, yields nothing.

    Args:
        path: The file.
        prefix: Which variables to take.

    Returns:
        Names and values, in the file's order.

    Raises:
        SettingError: When the file cannot be read as UTF-8 text, or a variable has no value.
    """
    text = _read_text(path)
    if text is None or prefix not in text:
        return {}
    try:
        from dotenv import dotenv_values
    except ImportError:
        logger.warning(
            "%s holds Flasgo settings but is not read, because python-dotenv is not installed. "
            "Next: pip install 'flasgo-core[cli]'",
            path.absolute(),
        )
        return {}
    found: dict[str, str] = {}
    for name, value in dotenv_values(stream=io.StringIO(text), interpolate=False).items():
        if not name.startswith(prefix):
            continue
        if value is None:
            raise SettingError(
                f"{name} in {path.absolute()} has no value. "
                f"Write {name}=value, or remove the line.",
                name=name.removeprefix(prefix),
            )
        found[name] = value
    return found


def _read_text(path: Path) -> str | None:
    try:
        # A folder called .env is a virtual environment.
        if path.is_dir() or not path.exists():
            return None
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SettingError(
            f"Cannot read {path.absolute()}: {error.strerror or error}. "
            "Make it readable for this user, or remove it.",
            name=path.name,
        ) from error
    except UnicodeDecodeError:
        raise _not_text(path) from None
    if "\0" in text:
        raise _not_text(path)
    return text


def _not_text(path: Path) -> SettingError:
    return SettingError(
        f"{path.absolute()} is not UTF-8 text. Save it as UTF-8 with one NAME=value per line, "
        "or remove it.",
        name=path.name,
    )
