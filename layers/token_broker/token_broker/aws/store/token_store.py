"""The token store in DynamoDB: `ports.TokenStore`. Every write is conditional; `records` shows what lies where."""

from token_broker.aws.leases import Leases
from token_broker.aws.reconciliations import Reconciliations
from token_broker.aws.revocations import Revocations
from token_broker.aws.rotation_schedules import RotationSchedules
from token_broker.aws.rotations import Rotations
from token_broker.aws.sessions import Sessions
from token_broker.aws.unfinished import Unfinished


class DynamoTokens(Leases, Reconciliations, Revocations, Rotations, RotationSchedules, Sessions, Unfinished):
    """One provider's tokens."""
