"""The token store in DynamoDB: `ports.TokenStore`. Every write is conditional; `records` shows what lies where."""

from token_broker.aws.store.leases import Leases
from token_broker.aws.store.reconciliations import Reconciliations
from token_broker.aws.store.revocations import Revocations
from token_broker.aws.store.rotation_schedules import RotationSchedules
from token_broker.aws.store.rotations import Rotations
from token_broker.aws.store.sessions import Sessions
from token_broker.aws.store.unfinished import Unfinished


class DynamoTokens(Leases, Reconciliations, Revocations, Rotations, RotationSchedules, Sessions, Unfinished):
    """One provider's tokens."""
