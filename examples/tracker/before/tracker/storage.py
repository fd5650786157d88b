"""The contents of attached files, on disk."""

from pathlib import Path


class Storage:
    """A folder with one file for each attachment."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, number: int) -> Path:
        return self._folder / str(number)

    def save(self, number: int, content: bytes) -> None:
        self.path(number).write_bytes(content)

    def remove(self, number: int) -> None:
        self.path(number).unlink(missing_ok=True)
