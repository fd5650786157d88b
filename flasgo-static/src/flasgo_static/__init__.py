"""Safe static files for Flasgo."""

from flasgo_static.folder import StaticFolder
from flasgo_static.handler import static_handler
from flasgo_static.plugin import StaticPlugin
from flasgo_static.policy import StaticFiles

__all__ = ["StaticFiles", "StaticFolder", "StaticPlugin", "static_handler"]
