"""What the plugin brings to the command line."""

from __future__ import annotations

from flasgo import Flasgo
from flasgo.plugin import Finding
from flasgo_pydantic import PydanticPlugin
from pydantic import BaseModel, ConfigDict


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Closed(BaseModel):
    pass


def test_open_models_are_reported() -> None:
    plugin = PydanticPlugin()
    app = Flasgo(plugins=[plugin], discover=False)

    @app.post("/")
    async def create(one: Open, other: Closed) -> None: ...

    (found,) = plugin.check_app(app, deploy=False)
    assert isinstance(found, Finding)
    assert found.code == "pydantic.I001"
    assert "Open" in found.message
