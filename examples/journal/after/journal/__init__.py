"""A journal for many authors: the shape of Flask's tutorial application."""

from flasgo import Flasgo

from . import auth, blog, db


def create_app(test_config=None):
    """Return the application."""
    app = Flasgo(
        __name__,
        static_folder="static",
        own_settings={"DATABASE": "journal.sqlite"},
        settings=test_config,
    )
    app.configure_templates("templates")

    @app.route("/ping")
    def ping():
        return "pong"

    db.init_app(app)
    app.register_blueprint(auth.bp)
    app.register_blueprint(blog.bp)
    app.add_url_rule("/", endpoint="index")
    return app
