"""Safe static files for Flasgo."""

from flasgo_static.folder import StaticFolder
from flasgo_static.handler import static_handler
from flasgo_static.plugin import StaticPlugin
from flasgo_static.policy import StaticFiles
from flasgo_static.sending import send_file, send_from_directory

__all__ = [
    "StaticFiles",
    "StaticFolder",
    "StaticPlugin",
    "send_file",
    "send_from_directory",
    "static_handler",
]
