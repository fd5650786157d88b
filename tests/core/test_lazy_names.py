"""Names of the plugin packages that are imported on first use."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import flasgo_auth
import flasgo_security
import flasgo_templates
import pytest

PACKAGES = [flasgo_auth, flasgo_security, flasgo_templates]
ids = [package.__name__ for package in PACKAGES]


@pytest.mark.parametrize("package", PACKAGES, ids=ids)
def test_no_name_is_hidden_by_a_submodule(package) -> None:
    modules = {info.name for info in pkgutil.iter_modules(package.__path__)}
    assert set(package._HOMES) & modules == set()


@pytest.mark.parametrize("package", PACKAGES, ids=ids)
def test_every_name_is_listed_and_found(package) -> None:
    assert set(package._HOMES) <= set(package.__all__) <= set(dir(package))
    for name in package.__all__:
        assert getattr(package, name) is getattr(package, name)


@pytest.mark.parametrize("package", PACKAGES, ids=ids)
def test_unknown_names_are_refused(package) -> None:
    with pytest.raises(AttributeError, match=f"'{package.__name__}' has no attribute 'nonsense'"):
        _ = package.nonsense


def test_an_app_imports_nothing_that_it_does_not_use() -> None:
    code = (
        "import sys; from flasgo import Flasgo; Flasgo(settings={'SECRET_KEY': 'k' * 32}); "
        "print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.split()
    assert "flasgo_security.plugin" in loaded
    unused = {
        "flasgo_auth.backends.jwt",
        "flasgo_auth.passwords.hashing",
        "flasgo_security.outbound.guard",
        "flasgo_security.quotas.shared",
        "flasgo_security.quotas.shared_throttle",
        "flasgo_templates.templates",
        "jinja2",
        "limits",
    }
    assert unused & set(loaded) == set()
