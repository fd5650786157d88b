"""Wheels of every package, built once, and environments that hold nothing else of ours."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .reference_plugins import MakeInstalled

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PACKAGES = (
    "flasgo",
    "flasgo-auth",
    "flasgo-core",
    "flasgo-security",
    "flasgo-static",
    "flasgo-templates",
    "flasgo-testing",
)
TIMEOUT_SECONDS = 300
SECRET_KEY = "distribution-tests-only-0123456789abcdef"


def run(command: Sequence[str | Path], *, cwd: Path, **extra: str) -> str:
    """Run a command to its end and return its output; a failure shows all of it."""
    # What this process was started with must not leak in: neither its path nor its settings.
    dropped = ("FLASGO_", "PYTHON", "VIRTUAL_ENV", "COVERAGE")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(dropped)} | extra
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    if done.returncode:
        pytest.fail(
            f"{' '.join(map(str, command))} ended with {done.returncode}\n"
            f"{done.stdout}\n{done.stderr}"
        )
    return done.stdout


@dataclass(frozen=True)
class Environment:
    """A virtual environment with some of our wheels in it, and its own empty directory."""

    uv: str
    directory: Path

    @property
    def python(self) -> Path:
        """The interpreter."""
        return self.directory / "env" / "bin" / "python"

    def script(self, name: str) -> Path:
        """A command that a package installed."""
        return self.directory / "env" / "bin" / name

    def install(self, *what: Path) -> None:
        """Install wheels or projects by path, so that no index can put its own in their place."""
        run(
            [self.uv, "pip", "install", "--quiet", "--python", self.python, *what],
            cwd=self.directory,
        )

    def check(self, name: str, *arguments: str, **extra: str) -> str:
        """Run one of the programs in `checks/`."""
        return self.execute("-m", f"checks.{name}", *arguments, cwd=HERE, **extra)

    def execute(self, *command: str | Path, cwd: Path | None = None, **extra: str) -> str:
        """Run the interpreter with warnings as errors, writing nothing into this checkout."""
        extra.setdefault("FLASGO_SECRET_KEY", SECRET_KEY)
        isolated = [self.python, "-B", "-E", "-s", "-W", "error"]
        return run([*isolated, *command], cwd=cwd or self.directory, **extra)

    def distributions(self) -> set[str]:
        """The names of everything installed."""
        code = (
            "from importlib.metadata import distributions\n"
            "print('\\n'.join(d.metadata['Name'].lower() for d in distributions()))"
        )
        return set(self.execute("-c", code).split())


@pytest.fixture(scope="session")
def uv() -> str:
    """The uv executable: that of `uv run`, or one on the path, or next to this interpreter."""
    beside = shutil.which("uv", path=str(Path(sys.executable).parent))
    found = os.environ.get("UV") or shutil.which("uv") or beside
    if found is None:
        pytest.fail("These tests build wheels with uv: start them with `uv run pytest`.")
    return found


@pytest.fixture(scope="session")
def wheels(uv: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel of each package, by distribution name."""
    directory = tmp_path_factory.mktemp("wheels")
    run(
        [uv, "build", "--quiet", "--all-packages", "--no-sources", "--wheel", "-o", directory],
        cwd=ROOT,
    )
    built = {path.name.split("-")[0].replace("_", "-"): path for path in directory.glob("*.whl")}
    assert set(built) == set(PACKAGES)
    return built


MakeEnvironment = Callable[..., Environment]


@pytest.fixture(scope="session")
def make_environment(
    uv: str, wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> MakeEnvironment:
    """Make an environment with the wheels of the named packages."""

    def make(*packages: str) -> Environment:
        environment = Environment(uv, tmp_path_factory.mktemp("isolated"))
        run(
            [uv, "venv", "--quiet", "--python", sys.executable, environment.directory / "env"],
            cwd=environment.directory,
        )
        environment.install(*(wheels[name] for name in packages))
        return environment

    return make


@pytest.fixture(scope="session")
def reference_plugin(
    uv: str,
    wheels: dict[str, Path],
    make_environment: MakeEnvironment,
    tmp_path_factory: pytest.TempPathFactory,
) -> "MakeInstalled":
    """Return a reference plugin by its name, installed in an environment of its own."""
    from .reference_plugins import Installer

    return Installer(uv, wheels, make_environment, tmp_path_factory.mktemp("plugins"))


@pytest.fixture(scope="session")
def bundle(make_environment: MakeEnvironment) -> Environment:
    """What `pip install flasgo` gives."""
    return make_environment(*PACKAGES)
