"""Find the packages that the layer and the functions ship."""

from pathlib import Path
from typing import NamedTuple

from sandbox.settings import PROJECT
from sandbox.stack.template import function_id


class Artifact(NamedTuple):
    """A part of the stack that ships packages: its logical name, and the file that pins them."""

    name: str
    requirements: Path


def artifacts() -> list[Artifact]:
    """Return the layer, and each function that has packages of its own."""
    layer = Artifact("TokenBrokerLayer", PROJECT / "layers/token_broker/requirements.txt")
    functions = PROJECT / "functions"
    pinned = sorted(functions.glob("*/*/requirements.txt"))
    return [layer, *(Artifact(function_id(str(path.parent.relative_to(functions))), path) for path in pinned)]
