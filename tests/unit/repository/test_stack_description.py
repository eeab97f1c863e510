"""The SSM parameter that tells a client how to call the stack."""

import json
from typing import Any

from tests.expected_functions import FUNCTIONS
from tests.providers import providers
from tests.unit.repository.transformed import PLACE, plain, resources, transformed
from token_broker import __version__

#: In bytes, for a parameter that costs nothing.
LIMIT = 4096
#: The longest that AWS gives to a function, a queue and a Region. Function names with a longer stack's name are cut.
FUNCTION, QUEUE, REGION = 64, 80, len("ap-southeast-1")
#: The longest name of a stack, and the text that CloudFormation adds to it for a table.
STACK, TABLE = 128, 128 + len("-TokenTable-0123456789ABC")


def description() -> dict[str, Any]:
    """Return the parameter's properties in a stack with the template's defaults."""
    (properties,) = resources("AWS::SSM::Parameter").values()
    found: dict[str, Any] = plain(properties)
    return found


def test_it_has_what_a_client_needs_and_nothing_else() -> None:
    """There is no credential, and only the first part of the secrets' names."""
    found = description()
    defaults = {name: transformed()["Parameters"][f"{name.capitalize()}BaseUrl"]["Default"] for name in providers()}

    assert (found["Name"], found["Type"]) == (f"/token-broker/{PLACE.stack}", "String")
    assert json.loads(found["Value"]) == {
        "apiUrl": f"https://Api.execute-api.{PLACE.region}.amazonaws.com/v1",
        "region": PLACE.region,
        "table": "TokenTable",
        "secretPrefix": PLACE.secret_prefix,
        "functions": {each.folder: f"{each.name}Function" for each in FUNCTIONS},
        "eventBus": "EventBus",
        "orderQueueUrl": "OrderQueue",
        "providers": defaults,
        "version": __version__,
    }


def test_it_fits_into_a_parameter_of_the_standard_tier_under_the_longest_names() -> None:
    value, parameters = json.loads(description()["Value"]), transformed()["Parameters"]
    longest = value | {
        "apiUrl": f"https://{'a' * 10}.execute-api.{'r' * REGION}.amazonaws.com.cn/v1",
        "region": "r" * REGION,
        "table": "t" * TABLE,
        "secretPrefix": "s" * parameters["SecretPrefix"]["MaxLength"],
        "functions": dict.fromkeys(value["functions"], "f" * FUNCTION),
        "eventBus": "e" * STACK,
        "orderQueueUrl": f"https://sqs.{'r' * REGION}.amazonaws.com.cn/{'1' * 12}/{'q' * QUEUE}",
        "providers": {
            name: "p" * parameters[f"{name.capitalize()}BaseUrl"]["MaxLength"] for name in value["providers"]
        },
    }

    assert "Tier" not in description()
    assert len(json.dumps(longest, separators=(",", ":")).encode()) < LIMIT
