"""flasgo-pydantic: pydantic models in Flasgo apps."""

from flasgo_pydantic.adapter import PydanticModels
from flasgo_pydantic.plugin import PydanticPlugin

__all__ = ["PydanticModels", "PydanticPlugin"]
