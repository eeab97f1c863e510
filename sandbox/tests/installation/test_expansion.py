"""The expansion of template.yaml that the tests read is the SAM CLI's own."""

import json
import subprocess
from typing import Any

import pytest

from sandbox.settings import PROJECT
from sandbox.stack.expansion import expand, load

TEMPLATE = PROJECT / "template.yaml"
EXPAND = """
import json, sys
from samcli.lib.cfn_language_extensions.sam_integration import expand_language_extensions
read = json.load(sys.stdin)
parameters = {name: str(each.get("Default", "")) for name, each in read["Parameters"].items()}
result = expand_language_extensions(read, parameter_values=parameters, enabled=True)
json.dump(result.expanded_template, sys.stdout)
"""


def expanded_by_sam(template: dict[str, Any]) -> dict[str, Any]:
    """Return the template with its loops expanded and the parameters' defaults filled in."""
    ended = subprocess.run(
        [str(PROJECT / ".venvs/local/bin/python"), "-c", EXPAND],
        input=json.dumps(template, default=str),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def test_sam_finds_the_same_resources_and_outputs_with_our_expansion_and_without() -> None:
    written = load(TEMPLATE)
    found = [expanded_by_sam({**each, "Transform": written["Transform"]}) for each in (written, expand(written))]

    assert "Fn::ForEach" in str(written)
    for section in ("Conditions", "Outputs", "Resources"):
        assert found[0][section] == found[1][section]


@pytest.mark.parametrize(
    "value",
    ["${Name}Role", {"Ref": "${Name}Role"}, {"Fn::GetAtt": ["${Name}Role", "Arn"]}],
    ids=["text", "reference", "attribute"],
)
def test_a_form_that_the_local_aws_would_keep_as_it_is_is_refused(value: Any) -> None:
    loop = {"Fn::ForEach::Roles": ["Name", ["One"], {"${Name}Thing": {"Value": value}}]}

    with pytest.raises(ValueError, match="outside !Sub"):
        expand({"Resources": loop})
