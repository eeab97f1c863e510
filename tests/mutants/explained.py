"""Changes that no test can notice, each with the reason why: nothing that anybody relies on changes with them.

By module, then by the lines as they were and as they became.
"""

_LONGER_NAME = "a transaction's name may have up to 36 characters, and need only be another each time"
_KEYWORD = "DynamoDB reads its keywords in any case"

EXPLAINED: dict[str, dict[str, str]] = {
    "aws/revocations": {
        "- self._table.transact(writes, token=os.urandom(16).hex())\n"
        "+ self._table.transact(writes, token=os.urandom(17).hex())": _LONGER_NAME,
    },
    "aws/unfinished": {
        '- "ADD fence :one",\n+ "add fence :one",': _KEYWORD,
        "- key = records.partition(self._provider, mint.merchant, mint.subject), mint.key\n"
        "+ key = records.partition(self._provider, mint.merchant, ), mint.key": (
            "an intent that the clock takes over is the shop's, which is what is meant where no subject is named"
        ),
    },
    "providers/shopify": {
        '- created = int(datetime.fromisoformat(created_at or "").timestamp())\n'
        '+ created = int(datetime.fromisoformat(created_at or "XXXX").timestamp())': "neither is a time",
        "- return created if 0 <= created <= now else int(now)\n"
        "+ return created if 0 <= created < now else int(now)": "both give now where the two are equal",
    },
    "revoking": {
        "- state=State.STANDING,\n+ state=None,": "such a record begins with the mark that follows",
    },
}
