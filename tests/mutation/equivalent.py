"""Changes that no test can notice, each with the reason why: nothing that anybody relies on changes with them.

By module, then by the lines as they were and as they became.
"""

_ONLY_THE_MARK = "of this title only the mark is looked at, which follows it"
_ONLY_ANOTHER = "a fence is compared for being the same: how far a mint's end lifts it says nothing"
_KEYWORD = "DynamoDB reads its keywords in any case"

_CONTINUED = "the item has an id, which differs from each of these"

_UNREAD = "the log names the exception's type only"
_DIGEST = "OpenSSL reads the names of digests in any case"
_NOTHING_DERIVED = "self._derived: tuple[str, str, bytes] = "
_NO_DAY = "no day is like this, so the key is derived"

_HINT = "what a value is cast to is read by the type checker alone"


def _casts(line: str, kind: str) -> dict[str, str]:
    """Return the changes of a `cast` to `kind`."""
    others = ("None", f'"XX{kind}XX"', f'"{kind.lower()}"', f'"{kind.upper()}"')
    return {f"- {line}\n+ {line.replace(f'"{kind}"', other)}": _HINT for other in others}


EXPLAINED: dict[str, dict[str, str]] = {
    "aws/fast_reads/signing": {
        **{
            f'- raise ValueError("credentials")\n+ raise ValueError({other})': _UNREAD
            for other in ("None", '"XXcredentialsXX"', '"CREDENTIALS"')
        },
        **{
            f'- {_NOTHING_DERIVED}("", "", b"")\n+ {_NOTHING_DERIVED}{other}': _NO_DAY
            for other in ('("XXXX", "", b"")', '("", "XXXX", b"")', '("", "", b"XXXX")')
        },
        '- signature = hmac.digest(self._key(credentials.secret, moment[:8]), text.encode(), "sha256").hex()\n'
        '+ signature = hmac.digest(self._key(credentials.secret, moment[:8]), text.encode(), "SHA256").hex()': _DIGEST,
        '- key = hmac.digest(key, part.encode(), "sha256")\n+ key = hmac.digest(key, part.encode(), "SHA256")': _DIGEST,
        "- if self._derived[:2] != (secret, day):\n+ if self._derived[:3] != (secret, day):": "the same key again",
    },
    "aws/store/attributes": {
        '- return int(value) if value.lstrip("-").isdigit() else float(value)\n'
        '+ return int(value) if value.lstrip("XX-XX").isdigit() else float(value)': "no number has an X",
    },
    "aws/store/leases": {
        '- "OR (fingerprint = :print AND NOT #state IN (:revoking, :revoked))",\n'
        '+ "or (fingerprint = :print and not #state in (:revoking, :revoked))",': _KEYWORD,
        '- ":one": 1,\n+ ":one": 2,': _ONLY_ANOTHER,
        '- "ADD fence :one",\n+ "add fence :one",': _KEYWORD,
        "- items = list(self._table.query(*self._items.shop_key(merchant, records.INTENT)))\n"
        "+ items = list(self._table.query(*self._items.shop_key(merchant, None)))": "others have no such id",
        "- key = self._items.lease_key(lease_request.merchant, SHOP, item_id)\n"
        "+ key = self._items.lease_key(lease_request.merchant, None, item_id)": "its key has no subject",
        '- lease = _lease(LeaseRequest(merchant, SHOP, intent_id="", owner=owner), standing_id, found)\n'
        "+ lease = _lease(LeaseRequest(merchant, SHOP, intent_id=None, owner=owner), standing_id, found)": _CONTINUED,
        '- lease = _lease(LeaseRequest(merchant, SHOP, intent_id="", owner=owner), standing_id, found)\n'
        '+ lease = _lease(LeaseRequest(merchant, SHOP, intent_id="XXXX", owner=owner), standing_id, found)': _CONTINUED,
        '- values: dict[str, Any] = {":owner": lease.owner, ":fence": lease.fence, ":one": 1}\n'
        '+ values: dict[str, Any] = {":owner": lease.owner, ":fence": lease.fence, ":one": 2}': _ONLY_ANOTHER,
    },
    "http/client": {
        "- for attempt in range(1, tries + 1):\n+ for attempt in range(1, tries + 2):": (
            "the last try returns or raises, so that nothing comes after it"
        ),
        "- wait = min(BACKOFF_CAP, BACKOFF_BASE * 2**attempt) * self.jitter()\n"
        "+ wait = min(BACKOFF_CAP, BACKOFF_BASE * 2 * attempt) * self.jitter()": (
            "both give the same for the first two waits, and three tries have no more"
        ),
    },
    "lifecycle/worker": {
        "- seconds = max(seconds, min(failure.retry_after_seconds or 0, MAX_PAUSE))\n"
        "+ seconds = max(seconds, min(failure.retry_after_seconds or 1, MAX_PAUSE))": (
            "no pause is as short as either"
        ),
        "- self._provider_is_down = False\n+ self._provider_is_down = None": "both are false",
        **_casts('self._call = cast("Call[ListingProvider]", call)', "Call[ListingProvider]"),
    },
    "tokens/succession": {
        '- title = tag_title(lease.title or "", call.store.tokens.broker_id(), lease.intent_id)\n'
        "+ title = tag_title(None, call.store.tokens.broker_id(), lease.intent_id)": _ONLY_THE_MARK,
        '- title = tag_title(lease.title or "", call.store.tokens.broker_id(), lease.intent_id)\n'
        '+ title = tag_title(lease.title and "", call.store.tokens.broker_id(), lease.intent_id)': _ONLY_THE_MARK,
        '- title = tag_title(lease.title or "", call.store.tokens.broker_id(), lease.intent_id)\n'
        '+ title = tag_title(lease.title or "XXXX", call.store.tokens.broker_id(), lease.intent_id)': _ONLY_THE_MARK,
    },
    "tokens/mint": {
        **_casts(
            'provider = cast("ListingProvider", call.provider)  # a provider with title tags can list tokens',
            "ListingProvider",
        ),
        **_casts(
            'listing = cast("Call[ListingProvider]", call)  # a provider with title tags can list tokens',
            "Call[ListingProvider]",
        ),
    },
    "providers/shopify/client": {
        **{
            '- self, http: HttpClient, base_url: str, *, version: str, telemetry: Telemetry, admin_api: str = "rest"\n'
            "+ self, http: HttpClient, base_url: str, *, version: str, telemetry: Telemetry, admin_api: str = "
            f'"{other}"': "whatever is not graphql is rest"
            for other in ("XXrestXX", "REST")
        },
        '- created = int(datetime.fromisoformat(created_at or "").timestamp())\n'
        '+ created = int(datetime.fromisoformat(created_at or "XXXX").timestamp())': "neither is a time",
        "- return created if 0 <= created <= now else int(now)\n"
        "+ return created if 0 <= created < now else int(now)": "both give now where the two are equal",
    },
    "providers/shopify/graphql": {
        '- response = self._send(CREATE, {"input": {"title": title}}, account, deadline, repeatable=False)\n'
        '+ response = self._send(CREATE, {"input": {"title": title}}, account, deadline, repeatable=None)': (
            "a POST is not repeated by default"
        ),
        '- if "limit" in (rejection.message or "").casefold():\n'
        '+ if "limit" in (rejection.message or "XXXX").casefold():': "neither names a limit",
        "- for attempt in range(1, TRIES + 1):\n+ for attempt in range(1, TRIES + 2):": (
            "the last try returns or raises, so that nothing comes after it"
        ),
        "- return value if isinstance(value, int | float) and 0 < value <= 10**9 else 0\n"
        "+ return value if isinstance(value, int | float) and 0 <= value <= 10**9 else 0": "both give 0 for 0",
    },
    "providers/shopify/rest": {
        "- repeatable=False,\n+ repeatable=None,": "a POST is not repeated by default",
    },
    "providers/shopify/refusals": {
        '- said = (reply.message or "").casefold()\n+ said = (reply.message or "XXXX").casefold()': (
            "neither is a known sentence"
        ),
    },
    "http/redaction": {
        '- return (secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], encoded, '
        'encoded.rstrip("="))\n'
        '+ return (secret, quote(secret, safe="XXXX"), quote_plus(secret), json.dumps(secret)[1:-1], encoded, '
        'encoded.rstrip("="))': "a letter is never encoded",
        '- return (secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], encoded, '
        'encoded.rstrip("="))\n'
        '+ return (secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], encoded, '
        'encoded.rstrip("XX=XX"))': "Base64 has no X before its padding, and where it has none the whole goes first",
    },
    "lifecycle/rotate": {
        **_casts(
            'return _rotate(cast("Call[ListingProvider]", call), merchant, compromised=compromised)',
            "Call[ListingProvider]",
        ),
    },
    "tokens/revoke": {
        "- state=State.STANDING,\n+ state=None,": "such a record begins with the mark that follows",
    },
}
