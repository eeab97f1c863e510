"""What must always hold, seen on the table and at the provider together, once nothing is going on any more."""

import json
import time
from typing import Any

from tests.e2e.faults.operations import Scene
from tests.e2e.support.responses import fingerprint
from tests.e2e.support.token_table import DAILY, PAIR

SERVABLE = ("current", "standing", "retiring")
#: What an item carries while somebody is at work on it, or must come back to it.
UNFINISHED = {"owner", "leaseEnd", "intentId", "due", "dueAt"}


def check(scene: Scene) -> None:
    own = f"{scene.provider}#{scene.merchant}"
    for sk, item in scene.bench.table.partition(own).items():
        if sk == DAILY:
            continue
        awaited = {"due", "dueAt"} if item.get("state") == "retiring" else set()  # its overlap's end
        if sk == PAIR:
            # It is renewed after a month. The lease of a renewal that failed stays until the next one, and has ended.
            awaited = {"due", "dueAt", *({"owner", "leaseEnd"} if item.get("leaseEnd", 0) < time.time() else ())}
        unfinished = UNFINISHED & set(item) - awaited
        assert not unfinished, f"{sk} is unfinished: {sorted(unfinished)}"
        _check_value(sk, item)
    # A session's open intent is continued by its next caller, and ends with its item: nobody can look it up.
    for sk, item in scene.bench.table.partition(f"{own}#session:s").items():
        _check_value(sk, item)
    if scene.provider == "shopify":
        _check_shop(scene)
        _check_pair(scene)


def _check_value(sk: str, item: dict[str, Any]) -> None:
    if sk.startswith("token#"):
        assert ("accessToken" in item) == (item["state"] in SERVABLE), f"{sk} is {item['state']}"


def _check_shop(scene: Scene) -> None:
    items = scene.shop_items()
    records = {sk.removeprefix("token#"): item for sk, item in items.items() if sk.startswith("token#")}
    alive = {str(token["id"]): token for token in scene.provider_state["tokens"]}

    for token_id, token in alive.items():
        if token["planted"]:
            assert token_id not in records, "a foreign token is none of ours"
        else:
            assert token_id in records, "a token of ours lives at the provider, and nobody knows of it"
            assert records[token_id]["state"] in SERVABLE
            assert records[token_id]["fingerprint"] == token["fingerprint"]
    for token_id, record in records.items():
        assert (record["state"] in SERVABLE) == (token_id in alive), f"{token_id} is {record['state']}"
    assert len([token for token in alive.values() if token["planted"]]) == 1 or scene.prepared not in alive

    named = items.get("subject#shop", {}).get("current", {}).get("tokenId")
    current = [token_id for token_id, record in records.items() if record["state"] == "current"]
    assert current == ([named] if named else []), "at most one token is current, and it is the one that is served"


def _check_pair(scene: Scene) -> None:
    """Compare the pair at the provider with the newest one of the session secret.

    After a call that ended early, the table can name an older one until the next renewal.
    """
    item = scene.shop_items().get(PAIR)
    if item is None:
        return
    assert "migrating" not in item
    secret = scene.bench.merchants.secret_name("shopify-session", scene.merchant)
    stored = scene.bench.merchants.manager.get_secret_value(SecretId=secret)
    kept = fingerprint(json.loads(stored["SecretString"])["refreshToken"])
    assert kept == scene.provider_state["pair"]["refreshFingerprint"], "the pair that works is lost"
