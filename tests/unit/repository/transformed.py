"""template.yaml after its transforms, and the values of its intrinsic functions at one place."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from sandbox.stack.expansion import REGION, transform
from tests.expected_functions import IndexCursor
from tests.template_as_written import TEMPLATE

PLACE = IndexCursor(REGION, "123456789012", "token-broker", "TokenTable", "token-broker")

_NAME = re.compile(r"\$\{([^}]+)\}")


@cache
def transformed() -> dict[str, Any]:
    """Return the whole template after the transforms. Do not change it."""
    return transform(TEMPLATE)


def resources(kind: str) -> dict[str, Any]:
    found = transformed()["Resources"]
    return {name: each.get("Properties", {}) for name, each in found.items() if each["Type"] == kind}


def statements_of(role: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for policy in role["Policies"]:
        yield from policy["PolicyDocument"]["Statement"]


def plain(value: Any) -> Any:
    """Resolve a value's intrinsic functions for a stack at `PLACE` with the parameters' defaults."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((function, argument),) = value.items()
        if function == "Ref":
            return _reference(argument)
        if function == "Fn::GetAtt":
            return _attribute(*(argument if isinstance(argument, list) else argument.split(".", 1)))
        if function == "Fn::Sub":
            text, names = argument if isinstance(argument, list) else (argument, {})
            return _NAME.sub(lambda name: _substitute(name[1], names), text)
    return {name: plain(each) for name, each in value.items()}


def _substitute(name: str, names: Mapping[str, Any]) -> str:
    if name in names:
        return str(plain(names[name]))
    return str(_attribute(*name.split(".", 1)) if "." in name else _reference(name))


def _reference(name: str) -> Any:
    own = {"Region": PLACE.region, "AccountId": PLACE.account, "Partition": "aws", "StackName": PLACE.stack}
    if name.startswith("AWS::"):
        return own.get(name.removeprefix("AWS::"), name)
    parameters = transformed()["Parameters"]
    return parameters[name]["Default"] if name in parameters else name


def _attribute(name: str, attribute: str) -> str:
    resource = transformed()["Resources"][name]
    kind, properties = resource["Type"], resource.get("Properties", {})
    if (kind, attribute) == ("AWS::SQS::Queue", "QueueName"):
        return name
    if (kind, attribute) == ("AWS::DynamoDB::Table", "StreamArn"):
        return PLACE.arn("dynamodb", f"table/{name}/stream/now")
    assert attribute == "Arn", f"nothing here knows the {attribute} of {name}"
    if kind == "AWS::IAM::Role":
        return f"arn:aws:iam::{PLACE.account}:role/{name}"
    named = {
        "SQS::Queue": name,
        "DynamoDB::Table": f"table/{name}",
        "Logs::LogGroup": f"log-group:{plain(properties.get('LogGroupName'))}:*",
        "Lambda::Function": f"function:{name}",
        "Events::EventBus": f"event-bus/{plain(properties.get('Name'))}",
        "Events::Rule": f"rule/{plain(properties.get('EventBusName'))}/{name}",
    }
    return PLACE.arn(kind.split("::")[1].lower(), named[kind.removeprefix("AWS::")])
