"""The token store in DynamoDB: `ports.TokenStore`. Every write is conditional; `records` shows what lies where."""

from token_broker.aws.leases import Leases
from token_broker.aws.revocations import Revocations


class DynamoTokens(Leases, Revocations):
    """One provider's tokens."""
