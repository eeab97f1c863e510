"""What an operator's parameters change in the template that CloudFormation gets."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.expected_functions import FUNCTIONS
from tests.unit.repository.transformed import PLACE, plain, resources, statements_of, transformed

KEY = "arn:aws:kms:us-east-1:123456789012:key/1234"
TOPIC = "arn:aws:sns:us-east-1:123456789012:alarms"
ROLES = resources("AWS::IAM::Role")


def used_keys(role: str, sid: str, **parameters: str) -> list[dict[str, Any]]:
    return [each for each in statements_of(ROLES[role], **parameters) if each["Sid"] == sid]


def test_every_role_has_the_companys_boundary_and_path_if_there_are_any() -> None:
    boundary = "arn:aws:iam::123456789012:policy/boundary"
    for role in ROLES.values():
        chosen = plain(role, PermissionsBoundaryArn=boundary, RolePath="/brokers/")
        assert (chosen["PermissionsBoundary"], chosen["Path"]) == (boundary, "/brokers/")
        assert not {"PermissionsBoundary", "Path"} & set(plain(role)), "a path that appears would replace the role"


def test_a_key_for_the_table_encrypts_it_and_may_be_used_by_every_role_that_touches_it_through_dynamodb_alone() -> None:
    (table,) = resources("AWS::DynamoDB::Table").values()
    chosen = plain(table["SSESpecification"], TableKeyArn=KEY)
    touching = {f"{each.name}Role" for each in FUNCTIONS if each.items}

    assert chosen == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY}
    assert {role for role in ROLES if used_keys(role, "TableKey", TableKeyArn=KEY)} == touching
    for role in touching:
        (statement,) = used_keys(role, "TableKey", TableKeyArn=KEY)
        assert statement["Resource"] == KEY
        assert statement["Condition"] == {"StringEquals": {"kms:ViaService": "dynamodb.us-east-1.amazonaws.com"}}


def test_a_key_for_secrets_may_be_used_by_every_role_that_reads_secrets_through_secrets_manager_alone() -> None:
    reading = {f"{each.name}Role" for each in FUNCTIONS if each.secrets}

    assert {role for role in ROLES if used_keys(role, "SecretsKey", SecretsKeyArn=KEY)} == reading
    for role in reading:
        (statement,) = used_keys(role, "SecretsKey", SecretsKeyArn=KEY)
        assert (statement["Action"], statement["Resource"]) == (["kms:Decrypt", "kms:GenerateDataKey"], KEY)
        assert statement["Condition"] == {"StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}
    for function in resources("AWS::Lambda::Function").values():
        assert function["Environment"]["Variables"]["SECRETS_KEY_ARN"] == {"Ref": "SecretsKeyArn"}


def test_other_accounts_may_call_merchants_routes_and_preflights_stay_open() -> None:
    """In this account, a statement for a principal would let it in without a policy of its own."""
    (api,) = resources("AWS::ApiGateway::RestApi").values()
    accounts = ["111111111111", "222222222222"]
    policy = plain(api["Body"], CallerAccounts=",".join(accounts))["x-amazon-apigateway-policy"]
    merchants, preflights = policy["Statement"]

    patterns = merchants.pop("Resource")
    assert merchants == {"Effect": "Allow", "Principal": {"AWS": accounts}, "Action": "execute-api:Invoke"}
    for route in (each for function in FUNCTIONS for each in function.routes):
        method, path = route.split(" ")
        asked = f"execute-api:/v1/{method}{path}"
        assert any(fnmatchcase(asked, pattern) for pattern in patterns) is path.startswith("/merchants/")
    assert (preflights["Principal"], preflights["Resource"]) == ("*", "execute-api:/v1/OPTIONS/storefront/*")
    assert "x-amazon-apigateway-policy" not in plain(api["Body"])


def test_one_stack_may_set_the_role_that_writes_access_logs_for_the_account() -> None:
    everything = transformed()["Resources"]
    account, role = everything["ApiGatewayAccount"], everything["ApiGatewayAccountRole"]

    assert (account["Condition"], role["Condition"]) == ("WithApiGatewayLogRole", "WithApiGatewayLogRole")
    assert plain(account["Properties"]) == {
        "CloudWatchRoleArn": f"arn:aws:iam::{PLACE.account}:role/ApiGatewayAccountRole"
    }
    (stage,) = resources("AWS::ApiGateway::Stage").values()
    created_before_the_stage = plain(stage["Variables"], ApiGatewayLogRole="true")
    assert created_before_the_stage == {"accessLogRole": "ApiGatewayAccount"}
    (trusted,) = plain(role["Properties"])["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Principal"] == {"Service": "apigateway.amazonaws.com"}
    assert account["DeletionPolicy"] == role["DeletionPolicy"] == "Retain", "other APIs of the account use it"


def refusals(**parameters: str) -> Iterator[str]:
    """Yield the sentences with which CloudFormation refuses these parameters."""
    chosen = {name: str(each.get("Default")) for name, each in transformed()["Parameters"].items()} | parameters
    for rule in transformed()["Rules"].values():
        if holds(rule["RuleCondition"], chosen):
            yield from (each["AssertDescription"] for each in rule["Assertions"] if not holds(each["Assert"], chosen))


def holds(condition: Any, chosen: dict[str, str]) -> bool:
    ((function, argument),) = condition.items()
    if function == "Fn::Not":
        return not holds(argument[0], chosen)
    one, other = (chosen[each["Ref"]] if isinstance(each, dict) else each for each in argument)
    return one == other


@pytest.mark.parametrize(
    ("parameters", "missing"),
    [
        ({}, []),
        ({"Stage": "production"}, ["AlarmTopicArn", "AccessLogs"]),
        ({"Stage": "production", "AlarmTopicArn": TOPIC, "AccessLogs": "true"}, []),
        (
            {"Stage": "production", "AlarmTopicArn": TOPIC, "AccessLogs": "true", "DeletionProtection": "false"},
            ["DeletionProtection"],
        ),
        ({"Stage": "staging", "DeletionProtection": "false"}, []),
        ({"VpcSubnetIds": "subnet-1"}, ["VpcSecurityGroupIds"]),
        ({"VpcSecurityGroupIds": "sg-1"}, ["VpcSubnetIds"]),
    ],
)
def test_parameters_that_do_not_fit_together_are_refused_by_a_sentence_that_names_them(
    parameters: dict[str, str], missing: list[str]
) -> None:
    found = list(refusals(**parameters))

    assert len(found) == len(missing)
    assert all(re.search(rf"needs {name}\b", sentence) for name, sentence in zip(missing, found, strict=True))


@pytest.mark.parametrize(
    ("name", "accepted", "refused"),
    [
        ("AlarmTopicArn", ["", TOPIC], ["alarms", f"{TOPIC}.fifo", "arn:aws:sqs:us-east-1:123456789012:alarms"]),
        ("TicketTopicArn", ["", TOPIC], [f" {TOPIC}"]),
        (
            "CallerAccounts",
            ["", "111111111111", "111111111111,222222222222"],
            ["11", "111111111111, 222222222222", "*"],
        ),
        (
            "DocumentationUrl",
            ["docs", "https://docs.example", "https://git.example/broker/blob/v1/docs"],
            ["", "https://docs.example/", "http://docs.example", "/docs"],
        ),
        (
            "PermissionsBoundaryArn",
            ["", "arn:aws:iam::123456789012:policy/a/b"],
            ["b", "arn:aws:iam::123456789012:role/b"],
        ),
        ("RolePath", ["", "/", "/brokers/", "/a/b/"], ["brokers", "/brokers", "//"]),
        ("TableKeyArn", ["", KEY], ["alias/key", "arn:aws:kms:us-east-1:123456789012:alias/key"]),
        ("SecretsKeyArn", ["", KEY], ["1234"]),
    ],
)
def test_a_parameter_with_a_wrong_value_is_refused(name: str, accepted: list[str], refused: list[str]) -> None:
    pattern = re.compile(transformed()["Parameters"][name]["AllowedPattern"])

    assert [value for value in accepted if not pattern.fullmatch(value)] == []
    assert [value for value in refused if pattern.fullmatch(value)] == []
