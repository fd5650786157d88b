"""The settings of the app, from the environment."""

import os
from dataclasses import dataclass, field
from pathlib import Path


def _list(name: str, default: str) -> list[str]:
    return [each for each in os.environ.get(name, default).split(",") if each]


@dataclass(frozen=True)
class Settings:
    """What differs between machines."""

    database_url: str = field(
        default_factory=lambda: os.environ.get(
            "TRACKER_DATABASE_URL", "sqlite+aiosqlite:///tracker.db"
        )
    )
    secret_key: str = field(
        default_factory=lambda: os.environ.get(
            "TRACKER_SECRET_KEY", "for development only 0123456789abcdef"
        )
    )
    token_minutes: int = field(
        default_factory=lambda: int(os.environ.get("TRACKER_TOKEN_MINUTES", "30"))
    )
    cors_origins: list[str] = field(
        default_factory=lambda: _list("TRACKER_CORS_ORIGINS", "https://tracker.example")
    )
    uploads: Path = field(
        default_factory=lambda: Path(os.environ.get("TRACKER_UPLOADS", "uploads"))
    )
    largest_upload: int = 100_000
    first_admin: str = field(
        default_factory=lambda: os.environ.get("TRACKER_ADMIN", "admin@tracker.example")
    )
