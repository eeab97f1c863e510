"""Every function as it must be deployed: its routes, who lets callers in there, and all that its role may do.

One table for two tests: of the transformed template, and of the deployed stack. `tests/providers/` has the functions of
each provider.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.deployed_function import (
    CLIENT,
    IAM,
    MERCHANT,
    OPERATOR,
    PROOF,
    SHOP,
    Function,
    Items,
    Other,
    Queue,
    provider_items,
)
from tests.providers import providers

type Statement = dict[str, Any]


def _policies(*actions: str) -> tuple[Items, ...]:
    return (Items("Items", actions, ("policy#*",)),)


#: What the worker's role may touch.
_PENDING = [each.pending_work for each in providers().values() if each.pending_work is not None]

FUNCTIONS = (
    *(function for each in providers().values() for function in each.functions),
    Function(
        "lifecycle/maintain",
        {},
        (
            provider_items(
                *("ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"),
                keys=tuple(key for rights in _PENDING for key in rights.keys),
            ),
        ),
        tuple(kind for rights in _PENDING for kind in rights.secrets),
        tuple(kind for rights in _PENDING for kind in rights.sessions),
        takes=Queue("Work", "WorkQueue"),
    ),
    Function(
        "lifecycle/dispatch",
        {},
        (Items("DueItems", ("Query",), ("due#*",), index="due"),),
        sends=(
            Queue("Work", "WorkQueue", ("SendMessage",)),
            Queue("Undelivered", "OutboxQueue", ("SendMessage",)),
        ),
    ),
    Function(
        "lifecycle/publish_events",
        {},
        (Items("Items", ("GetItem", "UpdateItem", "DeleteItem"), ("outbox#*",)),),
        takes=Queue("Undelivered", "OutboxQueue"),
        streams=True,
        others=(
            Other(
                "Stream",
                "dynamodb",
                ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"),
                "table/{table}/stream/*",
            ),
            Other("Bus", "events", ("PutEvents",), "event-bus/{stack}"),
        ),
    ),
    Function("storefronts/shop_authorizer", {}, _policies("GetItem"), decides=(SHOP,)),
    Function("storefronts/proof_authorizer", {}, _policies("GetItem"), ("storefront-proof",), decides=(PROOF, CLIENT)),
    Function(
        "storefronts/put_trust_policy",
        {f"PUT {MERCHANT}/trust-policy": IAM},
        _policies("GetItem", "PutItem", "UpdateItem"),
    ),
    Function("storefronts/get_trust_policy", {f"GET {MERCHANT}/trust-policy": IAM}, _policies("GetItem")),
    Function(
        "storefronts/delete_trust_policy",
        {f"DELETE {MERCHANT}/trust-policy": IAM},
        _policies("GetItem", "PutItem", "UpdateItem"),
    ),
    Function(
        "storefronts/allow_preview_origin",
        {f"POST {OPERATOR}/preview-origins": IAM},
        _policies("GetItem", "UpdateItem"),
    ),
    Function("storefronts/list_preview_origins", {f"GET {OPERATOR}/preview-origins": IAM}, _policies("GetItem")),
    Function(
        "storefronts/remove_preview_origin",
        {f"DELETE {OPERATOR}/preview-origins": IAM},
        _policies("GetItem", "UpdateItem"),
    ),
)

#: The role of the clock, beside the functions' own.
SCHEDULE_ROLE = "DispatchScheduleRole"

#: A role that only Lambda may take.
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@dataclass(frozen=True)
class IndexCursor:
    """Where a stack is, for the resources' full names. `queues` are by their names in the template."""

    region: str
    account: str
    stack: str
    table: str
    secret_prefix: str
    queues: Mapping[str, str] = field(default_factory=dict)

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


def statements(function: Function, place: IndexCursor) -> list[Statement]:
    """All that the function's role may do there, word for word."""
    group = f"/aws/lambda/{place.stack}-{function.name}"
    found: list[Statement] = [
        {
            "Sid": "OwnLogs",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": place.arn("logs", f"log-group:{group}:*"),
        },
        {
            "Sid": "Traces",
            "Effect": "Allow",
            "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
            "Resource": "*",
        },
    ]
    found += [_items_statement(items, place) for items in function.items]
    if function.secrets:
        names = [place.arn("secretsmanager", f"secret:{place.secret_prefix}/{kind}/*") for kind in function.secrets]
        secrets = {
            "Sid": "Secrets",
            "Effect": "Allow",
            "Action": ["secretsmanager:GetSecretValue"],
            "Resource": names,
        }
        found.append(secrets)
    if function.sessions:
        names = [place.arn("secretsmanager", f"secret:{place.secret_prefix}/{kind}/*") for kind in function.sessions]
        sessions = {
            "Sid": "SessionSecrets",
            "Effect": "Allow",
            "Action": ["secretsmanager:CreateSecret", "secretsmanager:PutSecretValue"],
            "Resource": names,
        }
        found.append(sessions)
    queues = [queue for queue in (function.takes, *function.sends) if queue is not None]
    return [
        *found,
        *(_queue_statement(queue, place) for queue in queues),
        *(_other_statement(other, place) for other in function.others),
    ]


def _other_statement(other: Other, place: IndexCursor) -> Statement:
    return {
        "Sid": other.sid,
        "Effect": "Allow",
        "Action": [f"{other.service}:{action}" for action in other.actions],
        "Resource": place.arn(other.service, other.resource.format(table=place.table, stack=place.stack)),
    }


def _queue_statement(queue: Queue, place: IndexCursor) -> Statement:
    return {
        "Sid": queue.sid,
        "Effect": "Allow",
        "Action": [f"sqs:{action}" for action in queue.actions],
        "Resource": place.arn("sqs", place.queues.get(queue.name, queue.name)),
    }


def _items_statement(items: Items, place: IndexCursor) -> Statement:
    return {
        "Sid": items.sid,
        "Effect": "Allow",
        "Action": [f"dynamodb:{action}" for action in items.actions],
        "Resource": place.arn("dynamodb", f"table/{place.table}" + (f"/index/{items.index}" if items.index else "")),
        "Condition": {items.operator: {"dynamodb:LeadingKeys": list(items.keys)}},
    }
