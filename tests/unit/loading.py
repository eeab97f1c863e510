"""The functions' own files, loaded as Lambda loads them: each load is a new process of it."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

FUNCTIONS = Path(__file__).parents[2] / "functions"

type Handler = Callable[[Any, Any], Any]


def load(folder: str) -> Handler:
    """Return the handler of a function's one file."""
    spec = importlib.util.spec_from_file_location(f"app_of_{folder.replace('/', '_')}", FUNCTIONS / folder / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Handler = module.handler
    return handler
