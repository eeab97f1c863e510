"""Every function as it must be deployed: its routes, who lets callers in there, and all that its role may do.

One table for two tests: of the transformed template, and of the deployed stack.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

type Statement = dict[str, Any]

IAM, SHOP, PROOF = "AWS_IAM", "Shop", "Proof"


@dataclass(frozen=True)
class Items:
    """What a role may do with the items whose partition keys are these, and with no others."""

    sid: str
    actions: tuple[str, ...]
    keys: tuple[str, ...]
    operator: str = "ForAllValues:StringLike"
    #: Of the index instead of the table: its name.
    index: str | None = None


@dataclass(frozen=True)
class Queue:
    """What a role may do with a queue, by the queue's name in the template."""

    sid: str
    name: str
    actions: tuple[str, ...] = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")


@dataclass(frozen=True)
class Other:
    """What a role may do with one resource of another kind; `resource` may name the `{table}` and the `{stack}`."""

    sid: str
    service: str
    actions: tuple[str, ...]
    resource: str


@dataclass(frozen=True)
class Function:
    """`folder` is that in functions/; `secrets` the middles of the names of the secrets that it may read.

    `sessions` are those of the secrets that it may write.
    `routes` says who lets callers in at each; `decides` names the authorizer that the function is, if it is one;
    `takes` and `sends` are queues; `streams` says that it gets the table's changes.
    """

    folder: str
    routes: Mapping[str, str]
    items: tuple[Items, ...]
    secrets: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    decides: str | None = None
    takes: Queue | None = None
    sends: tuple[Queue, ...] = ()
    streams: bool = False
    others: tuple[Other, ...] = ()

    @property
    def name(self) -> str:
        """In the template, without its last word."""
        return "".join(word.capitalize() for word in self.folder.replace("/", "_").split("_"))


def _provider(*actions: str, keys: tuple[str, ...]) -> Items:
    """Return what a role may do with a provider's items and, where it writes events, with their outbox items.

    One transaction writes both kinds. AWS does not say which keys `dynamodb:LeadingKeys` holds inside a transaction.
    One statement with all keys works under each reading: see docs/decisions/0017.
    """
    return Items("ProviderItems", actions, keys)


def _policies(*actions: str) -> tuple[Items, ...]:
    return (Items("TrustPolicies", actions, ("policy#*",)),)


_M, _S, _O = "/merchants/{merchant}", "/storefront/{merchant}", "/operations/merchants/{merchant}"
#: `broker` holds the stack's random name, for the marks in titles; whichever Shopify function is first makes it.
_SHOPIFY = ("shopify#*", "broker")
_FOURTHWALL_WRITES = ("fourthwall#*", "outbox#fourthwall#*")
_CHICKSX_WRITES = ("chicksx#*", "outbox#chicksx#*")
_SHOPIFY_WRITES = (*_SHOPIFY, "outbox#shopify#*")
#: What each provider's functions read, and what of it they write: expiring credentials.
_FOURTHWALL_SECRETS, _FOURTHWALL_SESSIONS = ("fourthwall", "fourthwall-session"), ("fourthwall-session",)
_SHOPIFY_SECRETS, _SHOPIFY_SESSIONS = ("shopify", "shopify-app", "shopify-session"), ("shopify-session",)

FUNCTIONS = (
    Function(
        "fourthwall/public_token",
        {f"PUT {_M}/fourthwall/public-token": IAM, f"GET {_S}/fourthwall/public-token": SHOP},
        (_provider("GetItem", "PutItem", "UpdateItem", keys=_FOURTHWALL_WRITES),),
        _FOURTHWALL_SECRETS,
        _FOURTHWALL_SESSIONS,
    ),
    Function(
        "fourthwall/rotate",
        {f"POST {_M}/fourthwall/rotations": IAM},
        (_provider("GetItem", "PutItem", "UpdateItem", keys=_FOURTHWALL_WRITES),),
        _FOURTHWALL_SECRETS,
        _FOURTHWALL_SESSIONS,
    ),
    Function(
        "chicksx/public_token",
        {f"POST {_M}/chicksx/public-tokens": IAM, f"POST {_S}/chicksx/public-tokens": PROOF},
        (_provider("PutItem", "Query", "UpdateItem", keys=_CHICKSX_WRITES),),
        ("chicksx",),
    ),
    Function(
        "chicksx/close_session",
        {f"POST {_M}/chicksx/sessions/{{sessionId}}/close": IAM},
        (_provider("GetItem", "PutItem", "UpdateItem", keys=_CHICKSX_WRITES),),
        takes=Queue("PlacedOrders", "OrderQueue"),
    ),
    Function("chicksx/rotate", {f"POST {_M}/chicksx/rotations": IAM}, (), ("chicksx",)),
    Function(
        "shopify/storefront_access_token",
        {f"GET {_M}/shopify/storefront-access-token": IAM, f"GET {_S}/shopify/storefront-access-token": SHOP},
        (_provider("GetItem", "PutItem", "Query", "UpdateItem", keys=_SHOPIFY_WRITES),),
        _SHOPIFY_SECRETS,
        _SHOPIFY_SESSIONS,
    ),
    Function(
        "shopify/create_storefront_access_token",
        {f"POST {_M}/shopify/storefront-access-tokens": IAM},
        (_provider("DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem", keys=_SHOPIFY_WRITES),),
        _SHOPIFY_SECRETS,
        _SHOPIFY_SESSIONS,
    ),
    Function(
        "shopify/list_storefront_access_tokens",
        {f"GET {_M}/shopify/storefront-access-tokens": IAM},
        (_provider("GetItem", "PutItem", "Query", "UpdateItem", keys=_SHOPIFY_WRITES),),
        _SHOPIFY_SECRETS,
        _SHOPIFY_SESSIONS,
    ),
    Function(
        "shopify/delete_storefront_access_token",
        {f"DELETE {_M}/shopify/storefront-access-tokens/{{tokenId}}": IAM},
        (_provider("GetItem", "PutItem", "UpdateItem", keys=_SHOPIFY_WRITES),),
        _SHOPIFY_SECRETS,
        _SHOPIFY_SESSIONS,
    ),
    Function(
        "shopify/rotate",
        {f"POST {_M}/shopify/rotations": IAM},
        (_provider("ConditionCheckItem", "GetItem", "PutItem", "Query", "UpdateItem", keys=_SHOPIFY_WRITES),),
        _SHOPIFY_SECRETS,
        _SHOPIFY_SESSIONS,
    ),
    Function(
        "shopify/migrate_token",
        {f"POST {_O}/shopify/token-migrations": IAM},
        (_provider("GetItem", "PutItem", "UpdateItem", keys=("shopify#*", "outbox#shopify#*")),),
        _SHOPIFY_SECRETS,
        _SHOPIFY_SESSIONS,
    ),
    Function(
        "shopify/reconcile",
        {f"POST {_M}/shopify/reconciliations": IAM},
        (_provider("ConditionCheckItem", "GetItem", "PutItem", "Query", "UpdateItem", keys=_SHOPIFY_WRITES),),
        _SHOPIFY_SECRETS,
        _SHOPIFY_SESSIONS,
    ),
    Function(
        "shopify/get_storefront_access_token",
        {f"GET {_M}/shopify/storefront-access-tokens/{{tokenId}}": IAM},
        (_provider("GetItem", keys=("shopify#*",)),),
    ),
    Function(
        "shopify/put_rotation_settings",
        {f"PUT {_M}/shopify/rotation-settings": IAM},
        (_provider("GetItem", "PutItem", keys=("shopify#*",)),),
        ("shopify", "shopify-app"),
    ),
    Function(
        "shopify/get_rotation_settings",
        {f"GET {_M}/shopify/rotation-settings": IAM},
        (_provider("GetItem", keys=("shopify#*",)),),
        ("shopify", "shopify-app"),
    ),
    Function(
        "lifecycle/maintain",
        {},
        (
            _provider(
                *("ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"),
                keys=(*_FOURTHWALL_WRITES, *_SHOPIFY_WRITES),
            ),
        ),
        (*_FOURTHWALL_SECRETS, *_SHOPIFY_SECRETS),
        (*_FOURTHWALL_SESSIONS, *_SHOPIFY_SESSIONS),
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
        (Items("Outbox", ("GetItem", "UpdateItem", "DeleteItem"), ("outbox#*",)),),
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
    Function("storefronts/shop_authorizer", {}, _policies("GetItem"), decides=SHOP),
    Function("storefronts/proof_authorizer", {}, _policies("GetItem"), ("storefront-proof",), decides=PROOF),
    Function("storefronts/put_trust_policy", {f"PUT {_M}/trust-policy": IAM}, _policies("GetItem", "PutItem")),
    Function("storefronts/get_trust_policy", {f"GET {_M}/trust-policy": IAM}, _policies("GetItem")),
    Function("storefronts/delete_trust_policy", {f"DELETE {_M}/trust-policy": IAM}, _policies("GetItem", "PutItem")),
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
    if function.secrets:
        names = [place.arn("secretsmanager", f"secret:{place.secret_prefix}/{kind}/*") for kind in function.secrets]
        secrets = {
            "Sid": "ProofKeys" if function.decides else "ProviderSecrets",
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": names if len(names) > 1 else names[0],
        }
        found.append(secrets)
    if function.sessions:
        names = [place.arn("secretsmanager", f"secret:{place.secret_prefix}/{kind}/*") for kind in function.sessions]
        sessions = {
            "Sid": "SessionSecrets",
            "Effect": "Allow",
            "Action": ["secretsmanager:CreateSecret", "secretsmanager:PutSecretValue"],
            "Resource": names if len(names) > 1 else names[0],
        }
        found.append(sessions)
    queues = [queue for queue in (function.takes, *function.sends) if queue is not None]
    return [
        *found,
        *(_items_statement(items, place) for items in function.items),
        *(_queue_statement(queue, place) for queue in queues),
        *(_other_statement(other, place) for other in function.others),
    ]


def _other_statement(other: Other, place: IndexCursor) -> Statement:
    actions = [f"{other.service}:{action}" for action in other.actions]
    return {
        "Sid": other.sid,
        "Effect": "Allow",
        "Action": actions if len(actions) > 1 else actions[0],
        "Resource": place.arn(other.service, other.resource.format(table=place.table, stack=place.stack)),
    }


def _queue_statement(queue: Queue, place: IndexCursor) -> Statement:
    actions = [f"sqs:{action}" for action in queue.actions]
    return {
        "Sid": queue.sid,
        "Effect": "Allow",
        "Action": actions if len(actions) > 1 else actions[0],
        "Resource": place.arn("sqs", place.queues.get(queue.name, queue.name)),
    }


def _items_statement(items: Items, place: IndexCursor) -> Statement:
    actions = [f"dynamodb:{action}" for action in items.actions]
    return {
        "Sid": items.sid,
        "Effect": "Allow",
        "Action": actions if len(actions) > 1 else actions[0],
        "Resource": place.arn("dynamodb", f"table/{place.table}" + (f"/index/{items.index}" if items.index else "")),
        "Condition": {items.operator: {"dynamodb:LeadingKeys": list(items.keys)}},
    }
