"""flasgo-sqlalchemy: SQLAlchemy in Flasgo apps."""

from flasgo_sqlalchemy.database import Database
from flasgo_sqlalchemy.plugin import SQLAlchemyPlugin, database_of

__all__ = ["Database", "SQLAlchemyPlugin", "database_of"]
