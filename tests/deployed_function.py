"""What is held of a deployed function: its routes, and all that its role may do."""

from collections.abc import Mapping
from dataclasses import dataclass

IAM, SHOP, PROOF, CLIENT = "AWS_IAM", "Shop", "Proof", "Client"
#: The paths of a merchant, of a storefront, of a client without AWS, and of an operator.
MERCHANT, STOREFRONT, CLIENTS = "/merchants/{merchant}", "/storefront/{merchant}", "/clients/{merchant}"
OPERATOR = "/operations/merchants/{merchant}"


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
    `routes` says who lets callers in at each; `decides` names the authorizers that the function is, if it is one;
    `takes` and `sends` are queues; `streams` says that it gets the table's changes.
    """

    folder: str
    routes: Mapping[str, str]
    items: tuple[Items, ...]
    secrets: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    decides: tuple[str, ...] = ()
    takes: Queue | None = None
    sends: tuple[Queue, ...] = ()
    streams: bool = False
    others: tuple[Other, ...] = ()

    @property
    def name(self) -> str:
        """In the template, without its last word."""
        return "".join(word.capitalize() for word in self.folder.replace("/", "_").split("_"))


def provider_items(*actions: str, keys: tuple[str, ...]) -> Items:
    """Return what a role may do with a provider's items and, where it writes events, with their outbox items.

    One transaction writes both kinds. AWS does not say which keys `dynamodb:LeadingKeys` holds inside a transaction.
    One statement with all keys works under each reading: see docs/decisions/0017.
    """
    return Items("Items", actions, keys)
