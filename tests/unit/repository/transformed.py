"""template.yaml after its transforms, and the values of its intrinsic functions at one place."""

import json
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


def statements_of(role: Mapping[str, Any], **parameters: str) -> Iterator[dict[str, Any]]:
    """Yield a role's statements with their intrinsic functions resolved."""
    for policy in role.get("Policies", []):
        yield from plain(policy["PolicyDocument"]["Statement"], **parameters)


class _NoValue:
    """What `AWS::NoValue` leaves: nothing."""


def plain(value: Any, **parameters: str) -> Any:
    """Resolve a value's intrinsic functions for a stack at `PLACE`, with the defaults of the parameters not given."""
    chosen = {name: each.get("Default") for name, each in transformed()["Parameters"].items()} | parameters
    return _plain(value, chosen)


def _plain(value: Any, parameters: Mapping[str, Any]) -> Any:  # noqa: PLR0911 - one for each function
    if isinstance(value, list):
        return [each for each in (_plain(one, parameters) for one in value) if each is not _NoValue]
    if not isinstance(value, dict):
        return value
    function = next(iter(value)) if len(value) == 1 else ""
    argument: Any = value.get(function)
    match function:
        case "Fn::If":
            name, yes, no = argument
            return _plain(yes if _holds(transformed()["Conditions"][name], parameters) else no, parameters)
        case "Fn::ToJsonString":
            return json.dumps(_plain(argument, parameters), separators=(",", ":"))
        case "Fn::Split":
            return _plain(argument[1], parameters).split(argument[0])
        case "Ref":
            return parameters[argument] if argument in parameters else _reference(argument)
        case "Fn::GetAtt":
            return _attribute(*(argument if isinstance(argument, list) else argument.split(".", 1)))
        case "Fn::Sub":
            text, names = argument if isinstance(argument, list) else (argument, {})
            return _NAME.sub(lambda name: _substitute(name[1], names, parameters), text)
        case _:
            found = {name: _plain(each, parameters) for name, each in value.items()}
            return {name: each for name, each in found.items() if each is not _NoValue}


def _holds(condition: Mapping[str, Any], parameters: Mapping[str, Any]) -> bool:
    ((function, argument),) = condition.items()
    if function == "Fn::Not":
        return not _holds(argument[0], parameters)
    assert function == "Fn::Equals", f"nothing here knows {function}"
    one, other = (_plain(each, parameters) for each in argument)
    return bool(one == other)


def _substitute(name: str, names: Mapping[str, Any], parameters: Mapping[str, Any]) -> str:
    if name in names:
        return str(_plain(names[name], parameters))
    if name in parameters:
        return str(parameters[name])
    return str(_attribute(*name.split(".", 1)) if "." in name else _reference(name))


def _reference(name: str) -> Any:
    if name == "AWS::NoValue":
        return _NoValue
    own = {
        "Region": PLACE.region,
        "AccountId": PLACE.account,
        "Partition": "aws",
        "StackName": PLACE.stack,
        "URLSuffix": "amazonaws.com",
    }
    return own.get(name.removeprefix("AWS::"), name)


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
