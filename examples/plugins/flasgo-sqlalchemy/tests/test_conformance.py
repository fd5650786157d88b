"""Flasgo's conformance kit: hostile cases that every plugin has to pass."""

from flasgo_sqlalchemy import SQLAlchemyPlugin
from flasgo_testing import conformance

test_conformance = conformance.suite(
    SQLAlchemyPlugin, settings={"DATABASE_URL": "sqlite:///:memory:"}
)
