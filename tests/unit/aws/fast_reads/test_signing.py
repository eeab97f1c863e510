"""Each signature equals botocore's byte for byte, so DynamoDB accepts it as it accepts botocore's."""

from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import example, given, settings
from hypothesis import strategies as st

from token_broker.aws.fast_reads.credentials import Credentials
from token_broker.aws.fast_reads.reads import endpoint
from token_broker.aws.fast_reads.signing import Signer

DAY = 24 * 60 * 60
#: Visible ASCII.
VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=60)
#: Without a token, they are those of a user.
CREDENTIALS = st.builds(Credentials, VISIBLE, VISIBLE, st.just("") | VISIBLE)
REGIONS = st.from_regex(r"(us|eu|ap|sa|ca|me|af|il|mx)-[a-z]{1,12}-[0-9]{1,2}", fullmatch=True)
HOSTS = st.sampled_from(["dynamodb.us-east-1.amazonaws.com", "localhost", "127.0.0.1", "Host.Example", "[::1]"])
ADDRESSES = st.builds(
    lambda scheme, host, port: f"{scheme}://{host}{'' if port is None else f':{port}'}",
    st.sampled_from(["http", "https"]),
    HOSTS,
    st.none() | st.sampled_from([80, 443]) | st.integers(1, 65535),
)
#: Two days, so that one signer meets a day again, and a new one.
MOMENTS = st.integers(0, 2 * DAY - 1).map(lambda seconds: 1_795_910_400 + seconds) | st.integers(0, 4_000_000_000)
REQUESTS = st.tuples(VISIBLE, st.binary(max_size=200), MOMENTS)


def by_botocore(
    credentials: Credentials, region: str, address: str, headers: dict[str, str], body: bytes
) -> dict[str, Any]:
    """Return the headers with the authorization that botocore makes at the time that they tell."""
    unsigned = {name: value for name, value in headers.items() if name not in ("authorization", "host")}
    request = AWSRequest("POST", f"{address}/", headers=unsigned, data=body)
    request.context["timestamp"] = headers["x-amz-date"]
    auth = SigV4Auth(BotocoreCredentials(*credentials[:2], credentials.token or None), "dynamodb", region)
    signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    signed = auth.headers_to_sign(request)
    parts = (
        f"AWS4-HMAC-SHA256 Credential={auth.scope(request)}",
        f"SignedHeaders={auth.signed_headers(signed)}",
        f"Signature={signature}",
    )
    return {**unsigned, "host": signed["host"], "authorization": ", ".join(parts)}


@settings(max_examples=60, deadline=None)
@given(REGIONS, ADDRESSES, st.lists(CREDENTIALS, min_size=1, max_size=2), st.lists(REQUESTS, min_size=1, max_size=4))
@example("us-east-1", "https://Host.Example:443", [Credentials("A", "s", "t")], [("DynamoDB_20120810.Query", b"", 0)])
@example(  # the same secret on the next day
    "us-east-1",
    "http://localhost:80",
    [Credentials("A", "s")],
    [("DynamoDB_20120810.GetItem", b"{}", DAY - 1), ("DynamoDB_20120810.GetItem", b"{}", DAY)],
)
def test_a_signature_is_botocores(
    region: str, address: str, people: list[Credentials], requests: list[tuple[str, bytes, int]]
) -> None:
    found = endpoint({"AWS_DEFAULT_REGION": region, "AWS_ENDPOINT_URL": address})
    assert found is not None
    signer = Signer("dynamodb", found.region, found.authority)

    for number, (target, body, moment) in enumerate(requests):
        credentials = people[number % len(people)]
        ours = signer.headers(credentials, target, body, float(moment))

        assert ours == by_botocore(credentials, region, address, ours, body)


def test_the_time_of_a_signature_is_the_given_one_in_utc() -> None:
    headers = Signer("dynamodb", "us-east-1", "host").headers(Credentials("A", "s"), "T", b"", 1_795_996_799.9)

    assert headers["x-amz-date"] == "20261129T235959Z"
