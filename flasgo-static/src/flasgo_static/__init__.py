"""Safe static files for Flasgo."""

from .folder import StaticFolder
from .handler import static_handler
from .plugin import StaticPlugin
from .policy import StaticFiles

__all__ = ["StaticFiles", "StaticFolder", "StaticPlugin", "static_handler"]
