"""template.yaml as CloudFormation gets it: transformed by SAM's own translator, with no network and no account."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import yaml
from samtranslator.parser.parser import Parser  # type: ignore[import-untyped]
from samtranslator.translator.translator import Translator  # type: ignore[import-untyped]
from samtranslator.yaml_helper import intrinsics_multi_constructor  # type: ignore[import-untyped]

from tests.expected_functions import IndexCursor
from tests.template_as_written import TEMPLATE

PLACE = IndexCursor("us-east-1", "123456789012", "token-broker", "TokenTable", "token-broker")

_NAME = re.compile(r"\$\{([^}]+)\}")


class _Intrinsics(yaml.CSafeLoader):
    """The short forms as the translator wants them; its own `yaml_parse` reads the file in half a second."""


_Intrinsics.add_multi_constructor("!", intrinsics_multi_constructor)


class _Session:
    """What the translator wants of boto3: a region."""

    region_name = PLACE.region


@cache
def transformed() -> dict[str, Any]:
    """Return the whole template after the transform. Do not change it."""
    template = yaml.load(TEMPLATE.read_text(), Loader=_Intrinsics)  # noqa: S506  # a SafeLoader
    for resource in template["Resources"].values():
        for folder in {"CodeUri", "ContentUri"} & resource.get("Properties", {}).keys():
            resource["Properties"][folder] = "s3://artifacts/archive"
    result: dict[str, Any] = Translator({}, Parser(), boto_session=_Session()).translate(template, {})
    return result


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
