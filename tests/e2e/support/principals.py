"""IAM users and roles in the local account, and their credentials."""

import json
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.credentials import Credentials

from sandbox.local_stack import Stack
from tests.unit.repository.pages import ROOT
from token_broker_client import TokenBrokerError

type Statement = dict[str, Any]


@contextmanager
def iam_user(iam: Any, statements: Sequence[Statement]) -> Iterator[tuple[str, Credentials]]:
    """Yield the ARN and the credentials of a user that may do only what the statements allow."""
    name = f"e2e-{secrets.token_hex(4)}"
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    key = iam.create_access_key(UserName=name)["AccessKey"]
    try:
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="allowed", PolicyDocument=_document(statements))
        yield str(arn), Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    finally:
        if statements:
            iam.delete_user_policy(UserName=name, PolicyName="allowed")
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        iam.delete_user(UserName=name)


@contextmanager
def iam_role(iam: Any, account: str, statements: Sequence[Statement], trust: Sequence[Statement] = ()) -> Iterator[str]:
    """Yield the ARN of a role that the statements limit.

    Without `trust`, the account may assume it and tag its sessions.
    """
    name = f"e2e-{secrets.token_hex(4)}"
    all_of_it = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document(trust or [all_of_it]))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="allowed", PolicyDocument=_document(statements))
    try:
        yield str(arn)
    finally:
        iam.delete_role_policy(RoleName=name, PolicyName="allowed")
        iam.delete_role(RoleName=name)


def may_call(stack: Stack, merchant: str) -> list[Statement]:
    """Return the statements of a team's policy, as the page for operators has it."""
    places = {
        "{region}": stack.described["region"],
        "{account}": "*",
        "{api}": stack.api_url.split("/execute-api/")[1].split("/")[0],
        "{merchant}": merchant,
        "{prefix}": stack.described["secretPrefix"],
    }
    (policy,) = policies_of("docs/how-to/restrict-a-team.md")
    return statements(policy, places)


def denied() -> AbstractContextManager[object]:
    """Expect that IAM refuses the call. The local gateway has no problem document for that."""
    return pytest.raises(TokenBrokerError, check=lambda error: error.status == 403)


def may_decide(stack: Stack, merchant: str) -> list[Statement]:
    """Return the statements of a team that may also change the merchant's trust policy."""
    return [each for each in may_call(stack, merchant) if each["Effect"] == "Allow"]


def policies_of(page: str) -> list[str]:
    """Return the IAM policies in a page, which are the JSON blocks whose braces have lines of their own."""
    return re.findall(r"```json\n(\{\n.*?\n)```", (ROOT / page).read_text(), re.DOTALL)


def statements(policy: str, places: Mapping[str, str]) -> list[Statement]:
    """Return the statements of a page's policy, with the values of its places."""
    for place, value in places.items():
        policy = policy.replace(place, value)
    return list(json.loads(policy)["Statement"])


def assumed(
    stack: Stack, role_arn: str, session: str, by: Credentials | None = None, tags: Mapping[str, str] | None = None
) -> Credentials:
    """Return the credentials that sts:AssumeRole issues for a session with these tags.

    The administrator assumes the role, unless `by` names another.
    """
    sts = client_of(stack, by or stack.credentials(), "sts")
    given = [{"Key": key, "Value": value} for key, value in (tags or {}).items()]
    taken = sts.assume_role(RoleArn=role_arn, RoleSessionName=session, Tags=given)["Credentials"]
    return Credentials(taken["AccessKeyId"], taken["SecretAccessKey"], taken["SessionToken"])


def client_of(stack: Stack, credentials: Credentials, service: str) -> Any:
    """Return a client of the local AWS that signs with these credentials."""
    make: Any = boto3.client  # its stubs want a literal service name
    return make(
        service,
        endpoint_url=stack.described["endpointUrl"],
        region_name=stack.described["region"],
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        aws_session_token=credentials.token,
        config=Config(retries={"total_max_attempts": 1}),
    )


def _document(statements: Sequence[Statement]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
