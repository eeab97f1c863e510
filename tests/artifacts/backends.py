"""What the built functions talk to: the local AWS with a table and secrets, and the providers' simulators."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import jwt
from botocore.config import Config

from benchmarks.function_environment import FunctionEnvironments
from sandbox.settings import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY
from sandbox.simulators import Addresses, ControlClient, running_simulators
from tests.fakes.samples import token
from tests.integration.support.gateway import KEY
from tests.integration.support.in_process_stack import APP, APP_SECRET, MERCHANT
from tests.integration.support.in_process_stack import SECRETS as OF_DEMO
from tests.reference.dynamodb import local_aws_endpoint
from tests.template_as_written import table_definition
from token_broker.aws.store import records
from token_broker.aws.store.attributes import wrap_all
from token_broker.domain.token import SHOP, State

TABLE, PREFIX, STACK = "tokens", "token-broker", "token-broker-of-a-test"
BROKER_ID = "abcdefgh"
ISSUER = "https://shop.example"
#: Those of the demo merchant. Its permanent Shopify token can be migrated, since the secret names an app.
SECRETS = {**OF_DEMO, "shopify": {**OF_DEMO["shopify"], "app": APP}}
#: Values that may be in nothing but a secret.
VALUES = {
    KEY,
    *APP_SECRET.values(),
    *(value for fields in SECRETS.values() for name, value in fields.items() if name not in ("shop", "app")),
}


@dataclass
class Surroundings:
    """`queue` is an SQS queue's URL: a function may send there."""

    endpoint: str
    addresses: Addresses
    control: ControlClient
    dynamodb: Any
    queue: str

    def environment(self, function: str) -> dict[str, str]:
        """Return the variables that Lambda and the template set for a function, with addresses on this machine."""
        whole = FunctionEnvironments(self.endpoint).of(function)
        here = {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "TOKEN_TABLE": TABLE,
            "POWERTOOLS_SERVICE_NAME": STACK,
            **{f"{provider.upper()}_BASE_URL": self.addresses[provider] for provider in SECRETS},
            **{name: self.queue for name in whole if name.startswith("WORK_QUEUE_")},
        }
        return {name: here.get(name, value) for name, value in whole.items() if name != "AWS_SESSION_TOKEN"}

    def anew(self) -> None:
        """Empty the table and the simulators, and create the demo merchant that the sample events need."""
        for item in self.dynamodb.scan(TableName=TABLE, ProjectionExpression="pk, sk")["Items"]:
            self.dynamodb.delete_item(TableName=TABLE, Key=item)
        self.control.reset()
        for provider, fields in SECRETS.items():
            account = {name: value for name, value in fields.items() if name != "app"}
            self.control.put_account(provider, MERCHANT, **account, **(APP_SECRET if "app" in fields else {}))
        self._put({"pk": "broker", "sk": "id", "brokerId": BROKER_ID})
        title = f"Old storefront [tb:{BROKER_ID}:{'a' * 26}]"
        self.control.plant_tokens(MERCHANT, id=1003304090, title=title)

    def record(self, token_id: str) -> None:
        """Give the demo merchant a token's record, as its creation leaves it."""
        key = records.token_key("shopify", MERCHANT, SHOP, token_id)
        made = token(token_id, provider="shopify", merchant=MERCHANT, state=State.STANDING)
        self._put({"pk": key[0], "sk": key[1], **records.token_attributes(made), "history": []})

    def admission(self) -> None:
        """Give the demo merchant a trust policy that opens everything to its page and to proofs by its key."""
        proof = {"type": "hs256", "issuer": ISSUER, "audience": "token-broker"}
        document = {
            "version": 1,
            "origins": [ISSUER],
            "anonymous": ["fourthwall/public-token", "shopify/storefront-access-token"],
            "sessions": {"scopes": ["wallet.read", "merchant.read"], "proofs": [proof]},
        }
        self._put({"pk": f"policy#{MERCHANT}", "sk": "policy", "revision": 1, "document": document})

    def _put(self, item: Mapping[str, Any]) -> None:
        self.dynamodb.put_item(TableName=TABLE, Item=wrap_all(item))


def proof(session_id: str = "s-1") -> str:
    claims = {"iss": ISSUER, "aud": "token-broker", "sid": session_id, "exp": int(time.time()) + 600}
    return jwt.encode(claims, KEY, "HS256", headers={"kid": "k1"})


@contextmanager
def started() -> Iterator[Surroundings]:
    with local_aws_endpoint() as endpoint, running_simulators() as addresses:
        session = boto3.Session(ACCESS_KEY_ID, SECRET_ACCESS_KEY, region_name=REGION)
        config = Config(connect_timeout=5, read_timeout=20, proxies={})
        dynamodb = session.client("dynamodb", endpoint_url=endpoint, config=config)
        secretsmanager = session.client("secretsmanager", endpoint_url=endpoint, config=config)
        sqs = session.client("sqs", endpoint_url=endpoint, config=config)
        dynamodb.create_table(TableName=TABLE, **table_definition())
        for provider, fields in {**SECRETS, "storefront-proof": {"keys": {"k1": KEY}}}.items():
            name = f"{PREFIX}/{provider}/{MERCHANT}"
            secretsmanager.create_secret(Name=name, SecretString=json.dumps(fields))
        app = f"{PREFIX}/shopify-app/{APP}"
        secretsmanager.create_secret(Name=app, SecretString=json.dumps(APP_SECRET))
        queue = sqs.create_queue(QueueName="work")["QueueUrl"]
        yield Surroundings(endpoint, addresses, ControlClient(addresses["control"]), dynamodb, queue)
