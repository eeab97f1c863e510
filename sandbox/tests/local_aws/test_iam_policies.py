"""On the local AWS, policy variables, the principal's ARN and the actions of batches are what they are on AWS."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError

from sandbox.local_stack import Stack
from tests.e2e.support.principals import Statement, assumed, client_of, iam_role

ACCOUNT = "000000000000"
MERCHANT = "${aws:PrincipalTag/merchant}"
READ = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue"}
IN_RESOURCE = {**READ, "Resource": f"arn:aws:secretsmanager:*:*:secret:shop/{MERCHANT}-*"}
IN_CONDITION = {**READ, "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/merchant": MERCHANT}}}


@pytest.fixture(scope="module")
def secrets(empty: Stack) -> None:
    for merchant in ("a", "b"):
        empty.client("secretsmanager").create_secret(
            Name=f"shop/{merchant}", SecretString="{}", Tags=[{"Key": "merchant", "Value": merchant}]
        )


@contextmanager
def denied() -> Iterator[None]:
    with pytest.raises(ClientError, match="AccessDenied"):
        yield


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize("statement", [IN_RESOURCE, IN_CONDITION], ids=["resource", "condition"])
def test_a_policy_variable_has_the_value_of_the_sessions_tag(empty: Stack, statement: Statement) -> None:
    with iam_role(empty.client("iam"), ACCOUNT, [statement]) as role:
        manager = client_of(empty, assumed(empty, role, "test", tags={"merchant": "a"}), "secretsmanager")
        manager.get_secret_value(SecretId="shop/a")
        with denied():
            manager.get_secret_value(SecretId="shop/b")


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize("tags", [{}, {"merchant": "*"}, {"merchant": "?"}], ids=str)
def test_a_variable_without_a_value_and_a_wildcard_in_one_match_nothing(empty: Stack, tags: dict[str, str]) -> None:
    with iam_role(empty.client("iam"), ACCOUNT, [IN_RESOURCE]) as role:
        manager = client_of(empty, assumed(empty, role, "test", tags=tags), "secretsmanager")
        with denied():
            manager.get_secret_value(SecretId="shop/a")


def test_the_principal_of_a_session_is_its_role(empty: Stack) -> None:
    statement: Statement = {
        "Effect": "Allow",
        "Action": "sqs:ListQueues",
        "Resource": "*",
        "Condition": {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/*"}},
    }
    with iam_role(empty.client("iam"), ACCOUNT, [statement]) as role:
        client_of(empty, assumed(empty, role, "test"), "sqs").list_queues()


def test_who_may_send_a_message_may_send_a_batch(empty: Stack) -> None:
    url = empty.client("sqs").create_queue(QueueName="batches")["QueueUrl"]
    statement = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:*:*:batches"}

    with iam_role(empty.client("iam"), ACCOUNT, [statement]) as role:
        sqs = client_of(empty, assumed(empty, role, "test"), "sqs")
        sent = sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "{}"}])
        assert len(sent["Successful"]) == 1
        with denied():
            sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "1", "ReceiptHandle": "r"}])
