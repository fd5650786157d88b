"""`flasgo db`, `flasgo check`, and readiness."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from flasgo import Flasgo
from flasgo_sqlalchemy import Database, SQLAlchemyPlugin
from flasgo_sqlalchemy.commands import commands
from flasgo_testing import TestClient
from typer.testing import CliRunner

from .models import Base

APP = """
from flasgo import Flasgo
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "items"

    id: Mapped[int] = mapped_column(primary_key=True)


app = Flasgo()


@app.get("/")
async def index(session: AsyncSession) -> str:
    return "ok"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def flasgo(
    project: Path, *arguments: str, status: int = 0, **env: str
) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("FLASGO_")}
    clean["FLASGO_DATABASE_URL"] = "sqlite:///shop.db"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "flasgo", *arguments],
        cwd=project,
        env={**clean, "FLASGO_SECRET_KEY": "k" * 20 + "0123456789abcdef", **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done


def test_the_command_line_has_them(project: Path) -> None:
    assert "items  missing" in flasgo(project, "db", "current", status=1).stdout
    done = flasgo(project, "db", "create-all", status=1, FLASGO_DATABASE_URL="")
    assert "FLASGO_DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_tables_are_created_shown_and_dropped(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/a.db", [Base.metadata], {})

    def run(*arguments: str, status: int = 0, text: str = "") -> str:
        done = CliRunner().invoke(commands(database), arguments, input=text)
        assert done.exit_code == status, done.output
        return done.output

    assert run("current", status=1) == "items  missing\n"
    run("create-all")
    assert run("current") == "items  there\n"
    assert "Drop items" in run("drop-all", status=1, text="n\n")
    assert run("current") == "items  there\n"
    run("drop-all", "--yes")
    assert run("current", status=1) == "items  missing\n"
    assert run("drop-all", "--yes") == "There are no tables.\n"


def test_what_the_check_reports(project: Path) -> None:
    found = flasgo(project, "check", "--json", status=1, FLASGO_DATABASE_URL="").stdout
    assert "sqlalchemy.E001" in found
    found = flasgo(
        project, "check", "--deploy", "--json", status=1, FLASGO_DATABASE_URL="sqlite://"
    ).stdout
    assert "sqlalchemy.W001" in found


def test_the_url_is_shown_nowhere(project: Path) -> None:
    done = flasgo(project, "settings", FLASGO_DATABASE_URL="sqlite:///hunter2.db")
    assert "DATABASE_URL" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr


def test_readiness(tmp_path: Path) -> None:
    for url, status in ((f"sqlite:///{tmp_path}/a.db", 200), ("sqlite:////missing/a.db", 503)):
        app = Flasgo(
            plugins=[SQLAlchemyPlugin],
            discover=False,
            settings={"DATABASE_URL": url, "READY_PATH": "/ready"},
        )
        with TestClient(app) as client:
            answer = client.get("/ready")
        assert answer.status_code == status
        assert "missing" not in answer.text
