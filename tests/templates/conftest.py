"""Directories of templates, and apps that use them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flasgo import Flasgo
from flasgo_templates import TemplatesPlugin
from flasgo_testing import TestingPlugin

KEY = "0123456789abcdef" * 4

Write = Callable[[dict[str, str]], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write template files into `templates` below a temporary directory."""

    def write(files: dict[str, str]) -> Path:
        root = tmp_path / "templates"
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return root

    return write


@pytest.fixture
def make_app() -> Callable[..., Flasgo]:
    """Make apps with nothing but the templates plugin."""

    def make_app(*plugins: object, **settings: object) -> Flasgo:
        return Flasgo(
            settings={"SECRET_KEY": KEY, **settings},
            plugins=[TemplatesPlugin, TestingPlugin, *plugins],
            discover=False,
        )

    return make_app
