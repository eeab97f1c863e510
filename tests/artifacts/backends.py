"""What the built functions talk to: the local AWS with a table and secrets, and the providers' simulators."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import jwt
from botocore.config import Config

from sandbox.settings import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, Settings
from sandbox.simulators import Addresses, ControlClient, running_simulators
from sandbox.stack.template import function_id, load_template
from tests.artifacts.built import PROJECT
from tests.artifacts.local_aws_process import local_aws
from tests.fakes.samples import token
from tests.integration.support.table_definition import table_definition
from token_broker.aws.store import records
from token_broker.aws.store.attributes import wrap_all
from token_broker.domain.token import SHOP, State

TABLE, PREFIX, MERCHANT, STACK = "tokens", "token-broker", "demo", "token-broker-of-a-test"
BROKER_ID = "abcdefgh"
#: By which the merchant's backend signs.
KEY, ISSUER = "the demo backend's key, 32 bytes and more", "https://shop.example"
SECRETS: Mapping[str, Mapping[str, str]] = {
    "fourthwall": {"username": "fw-user-of-demo", "password": "fw-password-of-demo"},
    "chicksx": {"apiKey": "cx-api-key-of-demo", "clientId": "cx-client-id-of-demo"},
    "shopify": {"shop": "demo.myshopify.com", "app": "loyalty", "adminAccessToken": "shpat_admin_token_of_demo"},
}
#: The app of the Shopify secret, whose token can be migrated.
APP = {"clientId": "sh-client-id-of-loyalty", "clientSecret": "sh-client-secret-of-loyalty"}
#: Values that may be in nothing but a secret.
VALUES = {
    KEY,
    *APP.values(),
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
        """Return the variables that the template sets for a function, with addresses on this machine."""
        template = load_template(PROJECT / "template.yaml")
        shared = template["Globals"]["Function"]["Environment"]["Variables"]
        own = template["Resources"][function_id(function)]["Properties"].get("Environment", {}).get("Variables", {})
        given = {name: self._value(template, name, value) for name, value in {**shared, **own}.items()}
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            **given,
        }

    def _value(self, template: Mapping[str, Any], name: str, given: Any) -> str:
        here = {
            "TOKEN_TABLE": TABLE,
            "SECRET_PREFIX": PREFIX,
            "POWERTOOLS_SERVICE_NAME": STACK,
            "FOURTHWALL_BASE_URL": self.addresses.fourthwall,
            "CHICKSX_BASE_URL": self.addresses.chicksx,
            "SHOPIFY_BASE_URL": self.addresses.shopify,
        }
        if name in here:
            return here[name]
        if given in template["Parameters"]:
            return str(template["Parameters"][given]["Default"])
        if str(given) in template["Resources"] and template["Resources"][str(given)]["Type"] == "AWS::SQS::Queue":
            return self.queue
        return str(given)

    def anew(self) -> None:
        """Empty the table and the simulators, and create the demo merchant that the sample events need."""
        for item in self.dynamodb.scan(TableName=TABLE, ProjectionExpression="pk, sk")["Items"]:
            self.dynamodb.delete_item(TableName=TABLE, Key=item)
        self.control.reset()
        for provider, fields in SECRETS.items():
            account = {name: value for name, value in fields.items() if name != "app"}
            self.control.put_account(provider, MERCHANT, **account, **(APP if "app" in fields else {}))
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
    """Return a proof that the merchant's backend signs for ten minutes."""
    claims = {"iss": ISSUER, "aud": "token-broker", "sid": session_id, "exp": int(time.time()) + 600}
    return jwt.encode(claims, KEY, "HS256", headers={"kid": "k1"})


@contextmanager
def started(folder: Path) -> Iterator[Surroundings]:
    """Run the local AWS, with its state in the folder, and the simulators until the block ends."""
    with local_aws(Settings(folder)) as endpoint, running_simulators() as addresses:
        clients = _clients(endpoint)
        clients["dynamodb"].create_table(TableName=TABLE, **table_definition())
        for provider, fields in {**SECRETS, "storefront-proof": {"keys": {"k1": KEY}}}.items():
            name = f"{PREFIX}/{provider}/{MERCHANT}"
            clients["secretsmanager"].create_secret(Name=name, SecretString=json.dumps(fields))
        app = f"{PREFIX}/shopify-app/{SECRETS['shopify']['app']}"
        clients["secretsmanager"].create_secret(Name=app, SecretString=json.dumps(APP))
        queue = clients["sqs"].create_queue(QueueName="work")["QueueUrl"]
        yield Surroundings(endpoint, addresses, ControlClient(addresses.control), clients["dynamodb"], queue)


def _clients(endpoint: str) -> dict[str, Any]:
    session = boto3.Session(ACCESS_KEY_ID, SECRET_ACCESS_KEY, region_name=REGION)
    config = Config(connect_timeout=5, read_timeout=20, proxies={})
    return {
        name: session.client(name, endpoint_url=endpoint, config=config)
        for name in ("dynamodb", "secretsmanager", "sqs")
    }
