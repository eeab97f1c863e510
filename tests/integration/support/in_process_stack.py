"""The functions, moto's table and secrets, and the providers' simulators run in one process."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.simulators import ControlClient
from tests.integration.support.functions import PUT_POLICY, HttpResponse, Worker, cold_start, provider_of
from tests.providers import providers
from token_broker.aws.store.attributes import unwrap_all
from token_broker.aws.store.outbox_items import PREFIX

MERCHANT = "demo"
#: Each value is looked for in every log line and problem document.
SECRETS: Mapping[str, Mapping[str, str]] = {name: each.secret for name, each in providers().items()}
#: A public Shopify app, which several merchants share.
APP = "storefronts"
APP_SECRET: Mapping[str, str] = {"clientId": "client-id-of-the-app", "clientSecret": "shpss_client_secret_of_the_app"}


class HurriedClock:
    """The machine's time, moved as a test likes; waiting is noted, and hardly done.

    With `jumps` the time of a wait has passed after it. Calls that wait for each other need the machine's time.
    """

    def __init__(self) -> None:
        self.offset = 0.0
        self.jumps = False
        self.sleeps: list[float] = []

    def now(self) -> float:
        return time.time() + self.offset

    def monotonic(self) -> float:
        return time.monotonic() + self.offset

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        if self.jumps:
            self.offset += seconds
        else:
            time.sleep(seconds / 100)


@dataclass
class Stack:
    """One deployed broker. Simulated accounts are named like their merchants."""

    dynamodb: Any
    secretsmanager: Any
    table: str
    prefix: str
    control: ControlClient
    clock: HurriedClock = field(default_factory=HurriedClock)
    workers: dict[str, Worker] = field(default_factory=dict)
    #: Values that must be in no log line.
    secret_values: set[str] = field(default_factory=set)
    #: The demo merchant's secrets that nothing has needed yet, by provider.
    unsaved: dict[str, str] = field(default_factory=dict)

    def worker(self, function: str) -> Worker:
        """Return the function's warm worker, or start a cold one."""
        return self.workers[function] if function in self.workers else self.cold(function)

    def cold(self, function: str) -> Worker:
        """Replace the function's worker by a new one with empty caches."""
        self._save(provider_of(function))
        self.workers[function] = cold_start(function, clock=self.clock)
        return self.workers[function]

    def merchant(self, provider: str, merchant: str = MERCHANT, **account: Any) -> None:
        """Create an account at the simulator and the secret that opens it."""
        fields = SECRETS[provider]
        if merchant != MERCHANT:
            fields = {name: value.replace(MERCHANT, merchant) for name, value in fields.items()}
        self.control.put_account(provider, merchant, **fields, **account)
        if merchant == MERCHANT:
            self.unsaved[provider] = json.dumps(fields)
        else:
            self.secret(provider, merchant, json.dumps(fields))

    def secret(self, provider: str, merchant: str, text: str) -> None:
        if merchant == MERCHANT:
            self.unsaved.pop(provider, None)
        name = f"{self.prefix}/{provider}/{merchant}"
        try:
            self.secretsmanager.create_secret(Name=name, SecretString=text)
        except self.secretsmanager.exceptions.ResourceExistsException:
            self.secretsmanager.put_secret_value(SecretId=name, SecretString=text)

    def app_merchant(self, merchant: str = MERCHANT, *, permanent: bool = False, **account: Any) -> dict[str, str]:
        """Create a merchant of the shared Shopify app, and return its secret's fields.

        It has a refresh token, or a permanent token. `account` has more of the simulator's fields.
        """
        shop = f"{merchant}.myshopify.com"
        token = {"adminAccessToken": f"shpat_of_{merchant}"} if permanent else {"refreshToken": f"shprt_of_{merchant}"}
        self.control.put_account("shopify", merchant, **{"shop": shop, **APP_SECRET, **token, **account})
        self.app_secret(APP_SECRET)
        fields = {"shop": shop, "app": APP, **token}
        self.secret_values.update(token.values())
        self.secret("shopify", merchant, json.dumps(fields))
        return fields

    def app_secret(self, fields: Mapping[str, str]) -> None:
        self.secret_values |= {value for name, value in fields.items() if name != "clientId"}
        self.secret("shopify-app", APP, json.dumps(fields))

    def remove_secret(self, provider: str, **how: Any) -> None:
        self._save(provider)
        self.secretsmanager.delete_secret(SecretId=f"{self.prefix}/{provider}/{MERCHANT}", **how)

    def trust(self, document: Mapping[str, Any], merchant: str = MERCHANT) -> HttpResponse:
        return self.worker(PUT_POLICY).api(path={"merchant": merchant}, body=document, headers={"If-None-Match": None})

    def proof_keys(self, merchant: str = MERCHANT, **keys: str) -> None:
        """Store the keys by which a merchant's backend signs, by their ids."""
        self.secret_values.update(keys.values())
        self.secret("storefront-proof", merchant, json.dumps({"keys": keys}))

    def later(self, seconds: float) -> None:
        self.clock.offset += seconds
        self.control.advance(seconds)

    def sessions(self) -> dict[str, list[dict[str, Any]]]:
        """Return the versions of each session secret by `{provider}/{merchant}`."""
        found: dict[str, list[dict[str, Any]]] = {}
        for provider in SECRETS:
            named = [{"Key": "name", "Values": [f"{self.prefix}/{provider}-session/"]}]
            for secret in self.secretsmanager.list_secrets(Filters=named)["SecretList"]:
                name, manager = secret["Name"], self.secretsmanager
                listed = manager.list_secret_version_ids(SecretId=name, IncludeDeprecated=True)["Versions"]
                ids = [each["VersionId"] for each in listed]
                texts = [manager.get_secret_value(SecretId=name, VersionId=each)["SecretString"] for each in ids]
                found[f"{provider}/{name.rpartition('/')[2]}"] = [
                    {"versionId": each, **json.loads(text)} for each, text in zip(ids, texts, strict=True)
                ]
        return found

    def values(self) -> set[str]:
        """Return each value that may be in no log line: of secrets, and those that a test has added."""
        known = {value for fields in SECRETS.values() for name, value in fields.items() if name != "shop"}
        pairs = [version for versions in self.sessions().values() for version in versions]
        obtained = {pair[name] for pair in pairs for name in ("accessToken", "refreshToken")}
        return known | obtained | self.secret_values

    def _save(self, provider: str) -> None:
        if provider in self.unsaved:
            self.secret(provider, MERCHANT, self.unsaved[provider])

    def items(self) -> list[dict[str, Any]]:
        """All items of the table but events, as plain values."""
        return [item for item in self._scan() if not item["pk"].startswith(PREFIX)]

    def told(self) -> list[dict[str, Any]]:
        return [item for item in self._scan() if item["pk"].startswith(PREFIX)]

    def _scan(self) -> list[dict[str, Any]]:
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.table)
        return [unwrap_all(item) for page in pages for item in page["Items"]]

    def asked(self, function_or_provider: str) -> list[dict[str, Any]]:
        return self.control.requests(provider_of(function_or_provider))

    def mints(self, provider: str, merchant: str = MERCHANT) -> int:
        return int(self.control.state()[provider][merchant]["mints"])
