"""Implement `TokenStore` in DynamoDB. Every write is conditional. `records` shows the layout of the table."""

from token_broker.aws.store.leases import Leases
from token_broker.aws.store.reconciliations import Reconciliations
from token_broker.aws.store.revocations import Revocations
from token_broker.aws.store.rotation_schedules import RotationSchedules
from token_broker.aws.store.rotations import Rotations
from token_broker.aws.store.sessions import Sessions
from token_broker.aws.store.unfinished import UnfinishedWork


class DynamoTokenStore(Leases, Reconciliations, Revocations, Rotations, RotationSchedules, Sessions, UnfinishedWork):
    """Store the tokens of one provider."""
