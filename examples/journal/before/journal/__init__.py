"""A journal for many authors: the shape of Flask's tutorial application."""

import os

from flask import Flask

from . import auth, blog, db


def create_app(test_config=None):
    """Return the application."""
    app = Flask(__name__, instance_relative_config=True)
    app.config.from_mapping(
        SECRET_KEY="only-for-development-0123456789abcdef",
        DATABASE=os.path.join(app.instance_path, "journal.sqlite"),
    )
    if test_config is None:
        app.config.from_pyfile("config.py", silent=True)
    else:
        app.config.update(test_config)
    os.makedirs(app.instance_path, exist_ok=True)

    @app.route("/ping")
    def ping():
        return "pong"

    db.init_app(app)
    app.register_blueprint(auth.bp)
    app.register_blueprint(blog.bp)
    app.add_url_rule("/", endpoint="index")
    return app
