"""The same in a module that holds the app: that is where it belongs."""

import logging
import os

from flasgo import Flasgo, hookimpl

os.environ["CONFORMANCE_CONFIGURED"] = "1"
logging.getLogger("flasgo").setLevel(logging.CRITICAL)


class Plugin:
    """Stands beside the app that uses it."""

    @hookimpl
    def request_started(self):
        return None


app = Flasgo(plugins=[Plugin()])
