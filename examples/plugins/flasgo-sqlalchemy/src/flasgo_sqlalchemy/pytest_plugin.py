"""The fixture `database`, loaded through the entry point `pytest11`.

PERF: pytest imports this file in every project that has the package installed, so it imports
nothing else before the fixture is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from flasgo import Flasgo

    from flasgo_sqlalchemy.database import Database

__all__ = ["database"]


@pytest.fixture
def database(flasgo_app: Flasgo) -> Iterator[Database]:
    """The database of `flasgo_app`; what the test and the app write is rolled back.

    That happens when the app stops: use it with the fixture `client`, or with
    `with flasgo_app.test_client() as client:`.
    """
    found: Database = flasgo_app.plugins.instance("sqlalchemy").database
    with found.rolled_back():
        yield found
