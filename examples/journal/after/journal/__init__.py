"""A journal for many authors: the shape of Flask's tutorial application."""

from dataclasses import dataclass

from flasgo import Flasgo, OwnSettings

from . import auth, blog, db


@dataclass
class Config(OwnSettings):
    """The settings of the app's own."""

    DATABASE: str = "journal.sqlite"


def create_app(test_config=None):
    """Return the application."""
    app = Flasgo(__name__, own_settings=Config, settings=test_config, static_folder="static")
    app.configure_templates("templates")

    @app.route("/ping")
    def ping():
        return "pong"

    db.init_app(app)
    app.register_blueprint(auth.bp)
    app.register_blueprint(blog.bp)
    app.add_url_rule("/", endpoint="index")
    return app
