"""Call Token Broker from a backend.

`TokenBroker` has every route, over the API or by direct invocation. `errors` has the ways a call can fail, `models` the
answers, and `events` what the event bus delivers. `testing` has a broker in memory for your own tests.
"""

from token_broker_client import errors, events
from token_broker_client.broker import Merchant, TokenBroker
from token_broker_client.errors import TokenBrokerError
from token_broker_client.models import Token
from token_broker_client.proofs import ProofSigner
from token_broker_client.storefront import ShopClient, Storefront

__version__ = "0.1.0"

__all__ = [
    "Merchant",
    "ProofSigner",
    "ShopClient",
    "Storefront",
    "Token",
    "TokenBroker",
    "TokenBrokerError",
    "errors",
    "events",
]
