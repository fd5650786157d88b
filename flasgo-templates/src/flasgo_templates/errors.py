"""What goes wrong when a template is looked up. Both are Jinja's `TemplateNotFound` as well."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from flasgo.plugin import did_you_mean
from jinja2 import TemplateNotFound

__all__ = ["MissingTemplateError", "RefusedTemplateError"]


class MissingTemplateError(TemplateNotFound):
    """Raised when no template of that name exists.

    Attributes:
        name: The name that was asked for.
        searched: The directories that were searched, in order.
    """

    name: str

    def __init__(
        self, name: str, searched: Iterable[str], list_names: Callable[[], Iterable[str]]
    ) -> None:
        super().__init__(name)
        self.searched = tuple(searched)
        self._list_names = list_names

    # The directories are listed only when somebody reads the message.
    def __str__(self) -> str:
        if not self.searched:
            return (
                f"There is no template {self.name!r}, since there is no template directory; call "
                'app.configure_templates("templates").'
            )
        return (
            f"There is no template {self.name!r} in {', '.join(self.searched)}."
            f"{did_you_mean(self.name, self._list_names())}"
        )


class RefusedTemplateError(TemplateNotFound):
    """Raised when a name or a file is not allowed to be a template.

    Attributes:
        name: The name that was asked for.
        reason: What is wrong with it.
    """

    name: str

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name)
        self.reason = reason

    def __str__(self) -> str:
        return f"Template {self.name[:200]!r} is refused: {self.reason}."
