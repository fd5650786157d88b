"""The command `flasgo` as it is where httptools is not installed: uvicorn takes h11."""

import runpy
import sys

sys.modules["httptools"] = None  # ty: ignore[invalid-assignment]
runpy.run_module("flasgo", run_name="__main__", alter_sys=True)
