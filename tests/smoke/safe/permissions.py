"""What the functions' roles may do to items, alone and inside a transaction: decision 0017."""

import secrets
from collections.abc import Sequence
from typing import Any, NamedTuple

import boto3
from botocore.exceptions import ClientError

from sandbox.simulators.descriptor import providers
from tests.smoke.deployed import Deployed
from tests.smoke.outcomes import DidNotRun, FellShort, require

_WRITES = ("PutItem", "UpdateItem")
_ACTIONS = (*_WRITES, "ConditionCheckItem", "DeleteItem", "GetItem", "Query")
_ADVICE = "do not let merchants in: a role is not limited as designed; see docs/decisions/0017"


class _Role(NamedTuple):
    """Hold a role that serves one provider."""

    name: str
    provider: str
    arn: str


def a_role_that_writes_may_do_so_whatever_keys_a_transaction_shows(stack: Deployed) -> str:
    """Simulate both readings that AWS leaves open: the item's own key, and all keys of the transaction."""
    simulation = _Simulation(stack)
    writers, refused = 0, []
    for role in simulation.roles:
        own, event = f"{role.provider}#smoke", f"outbox#{role.provider}#smoke"
        if simulation.allowed(role, _WRITES, own) == set(_WRITES):
            writers += 1
            refused += [role.name] if simulation.allowed(role, _WRITES, own, event) < set(_WRITES) else []
    return require(
        writers and not refused,
        f"{writers} roles write; refused: {', '.join(refused) or 'none'}",
        expected="each may write its own items and its events, in one transaction",
        advice=_ADVICE,
    )


def no_role_may_touch_the_items_of_another_provider(stack: Deployed) -> str:
    simulation = _Simulation(stack)
    reaching = [
        role.name
        for role in simulation.roles
        if any(simulation.allowed(role, _ACTIONS, f"{each}#smoke") for each in providers() if each != role.provider)
    ]
    return require(
        simulation.roles and not reaching,
        f"{len(simulation.roles)} roles; not limited to their provider: {', '.join(reaching) or 'none'}",
        expected="none",
        advice=_ADVICE,
    )


def the_fourthwall_role_is_denied_a_transaction_on_shopify_items(stack: Deployed) -> str:
    """Try it with the role itself. The condition of each write is false, so nothing is written in any case."""
    client = _as_role(stack, stack.of("AWS::IAM::Role")["FourthwallPublicTokenRole"])
    own, foreign = (_tried(client, stack, f"{each}#smoke-{secrets.token_hex(8)}") for each in ("fourthwall", "shopify"))
    return require(
        (own, foreign) == ("TransactionCanceledException", "AccessDeniedException"),
        f"own item: {own}; Shopify's item: {foreign}",
        expected="TransactionCanceledException (allowed, and its condition is false); AccessDeniedException",
        advice=_ADVICE,
    )


class _Simulation:
    """Ask IAM what roles may do to the table. Raises `DidNotRun` if this AWS cannot say it."""

    def __init__(self, stack: Deployed) -> None:
        if stack.is_local:
            raise DidNotRun("The local AWS simulates without the keys of the items.")
        self._iam = stack.client("iam")
        described = stack.client("dynamodb").describe_table(TableName=stack.outputs["TableName"])
        self._table = described["Table"]["TableArn"]
        self.roles = [
            _Role(name, provider, self._iam.get_role(RoleName=physical)["Role"]["Arn"])
            for name, physical in sorted(stack.of("AWS::IAM::Role").items())
            for provider in providers()
            if name.startswith(provider.capitalize())
        ]

    def allowed(self, role: _Role, actions: Sequence[str], *keys: str) -> set[str]:
        """Return which of the actions IAM allows if these are the leading keys."""
        answer = self._iam.simulate_principal_policy(
            PolicySourceArn=role.arn,
            ActionNames=[f"dynamodb:{action}" for action in actions],
            ResourceArns=[self._table],
            ContextEntries=[
                {
                    "ContextKeyName": "dynamodb:LeadingKeys",
                    "ContextKeyValues": list(keys),
                    "ContextKeyType": "stringList",
                }
            ],
        )
        results = answer["EvaluationResults"]
        return {each["EvalActionName"].partition(":")[2] for each in results if each["EvalDecision"] == "allowed"}


def _as_role(stack: Deployed, role: str) -> Any:
    arn = stack.client("iam").get_role(RoleName=role)["Role"]["Arn"]
    try:
        taken = stack.client("sts").assume_role(RoleArn=arn, RoleSessionName="smoke", DurationSeconds=900)[
            "Credentials"
        ]
    except ClientError:
        raise DidNotRun("These credentials may not assume the role, which trusts Lambda alone.") from None
    session = boto3.Session(
        taken["AccessKeyId"], taken["SecretAccessKey"], taken["SessionToken"], region_name=stack.region
    )
    make: Any = session.client
    return make("dynamodb", config=stack.client("dynamodb").meta.config)


def _tried(client: Any, stack: Deployed, key: str) -> str:
    write = {
        "TableName": stack.outputs["TableName"],
        "Item": {"pk": {"S": key}, "sk": {"S": "smoke"}},
        "ConditionExpression": "attribute_exists(pk)",
    }
    try:
        client.transact_write_items(TransactItems=[{"Put": write}])
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    raise FellShort("a write with a false condition", expected="an error", advice=_ADVICE)


CHECKS = (
    a_role_that_writes_may_do_so_whatever_keys_a_transaction_shows,
    no_role_may_touch_the_items_of_another_provider,
    the_fourthwall_role_is_denied_a_transaction_on_shopify_items,
)
