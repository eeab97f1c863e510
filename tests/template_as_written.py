"""template.yaml as its author wrote it, for the tests that compare it with something else."""

from functools import cache
from pathlib import Path
from typing import Any

from sandbox.stack.template import load_template

TEMPLATE = Path(__file__).parents[1] / "template.yaml"


@cache
def template() -> dict[str, Any]:
    """Return the template with the short forms (`!Ref X`) as what they hold. Do not change it."""
    return load_template(TEMPLATE)
