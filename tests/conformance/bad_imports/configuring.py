"""Sets the process up, as an app's own module would."""

import logging
import os

from flasgo import hookimpl

os.environ["CONFORMANCE_CONFIGURED"] = "1"
logging.getLogger("flasgo").setLevel(logging.CRITICAL)


class Plugin:
    """Configures at its import."""

    @hookimpl
    def request_started(self):
        return None
