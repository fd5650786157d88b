from dataclasses import dataclass, field


@dataclass
class Settings:
    GUESTBOOK_FILE: str = "guestbook.sqlite3"
    ADMIN_PASSWORD_HASH: str | None = field(default=None, metadata={"secret": True})
