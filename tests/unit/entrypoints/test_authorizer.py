"""What both authorizers do around their decision: one resource allowed, everything else refused, nothing told."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest

from tests.fakes.clock import NOW
from tests.fakes.events import Context, api_event, authorizer_event
from tests.unit.entrypoints.conftest import Lines
from token_broker.domain.grant import Grant
from token_broker.entrypoints.authorizer import AuthorizerRequest, DecisionUnavailable, authorizer, authorizer_request
from token_broker.entrypoints.events import EventKind
from token_broker.errors import Forbidden, InternalError, StorageUnavailable, Unauthenticated
from token_broker.telemetry import PowertoolsTelemetry

CANARY = "sk_live_canary"
SHOP = "https://shop.example"
GRANT = Grant(merchant="acme", origins=(SHOP,), session_id="s-1", expires_at=int(NOW), scopes=("wallet.read",))
STAGE = "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/v1"
ROUTE = "/storefront/{merchant}/shopify/storefront-access-token"
PATH = "/storefront/acme/shopify/storefront-access-token"

KINDS: tuple[EventKind, ...] = ("storefront", "client")

type Decision = Callable[[AuthorizerRequest, str], Grant]


@dataclass
class Parts:
    """An authorizer's parts; its trust is only a word."""

    make_telemetry: Callable[[], PowertoolsTelemetry]

    @cached_property
    def telemetry(self) -> PowertoolsTelemetry:
        return self.make_telemetry()

    @property
    def service(self) -> str:
        return "the trust"


@pytest.fixture
def parts(make_telemetry: Callable[[], PowertoolsTelemetry]) -> Parts:
    return Parts(make_telemetry)


def allow(request: AuthorizerRequest, admission: str) -> Grant:
    return GRANT


def failing(failure: BaseException) -> Decision:
    def decide(request: AuthorizerRequest, admission: str) -> Grant:
        raise failure

    return decide


def ask(parts: Parts, decide: Decision = allow, event: Any = None) -> Any:
    return authorizer(parts, kinds=KINDS)(decide)(authorizer_event() if event is None else event, Context())


def statement(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the result's one statement."""
    assert set(answer) == {"principalId", "policyDocument", "context"}
    assert set(answer["policyDocument"]) == {"Version", "Statement"}
    (only,) = answer["policyDocument"]["Statement"]
    assert only["Action"] == "execute-api:Invoke"
    return dict(only)


# The question


def test_a_question_is_read_from_the_gateways_event() -> None:
    request = authorizer_request(authorizer_event(headers={"Origin": [SHOP]}), ("storefront",))

    assert request == AuthorizerRequest(
        kind="storefront",
        merchant="acme",
        operation="shopify/storefront-access-token",
        resource=f"{STAGE}/GET{PATH}",
        headers={"Origin": [SHOP]},
    )


@pytest.mark.parametrize(
    "stage",
    [
        STAGE,
        "arn:aws-cn:execute-api:cn-north-1:123456789012:a1b2c3d4e5/v1",
        "arn:aws-us-gov:execute-api:us-gov-west-1:123456789012:a1b2c3d4e5/v1",
        "arn:aws:execute-api:us-east-1:000000000000:a1b2c3d4e5/my_Stage-1",
    ],
)
def test_the_allowed_resource_is_of_the_partition_region_and_stage_that_were_asked(parts: Parts, stage: str) -> None:
    answer = ask(parts, event=authorizer_event(stage=stage))

    assert statement(answer)["Resource"] == f"{stage}/GET{PATH}"


@pytest.mark.parametrize(
    "arn",
    [
        f"{STAGE}/GET{PATH}/",
        f"{STAGE}/GET{PATH}\n",
        f"{STAGE}/GET{PATH}?x=1",
        f"{STAGE}/POST{PATH}",
        f"{STAGE}/*{PATH}",
        f"{STAGE}/GET/storefront/acme//shopify/storefront-access-token",
        f"{STAGE}/GET/storefront/%61cme/shopify/storefront-access-token",
        f"{STAGE}/GET/storefront/acme/../acme/shopify/storefront-access-token",
        f"{STAGE}/GET/Storefront/acme/shopify/storefront-access-token",
        f"{STAGE}/GET/storefront/other/shopify/storefront-access-token",
        f"{STAGE}/GET/storefront/acme/fourthwall/public-token",
        f"{STAGE}/GET/storefront/*/shopify/storefront-access-token",
        f"{STAGE}/*",
        f"{STAGE}/",
        None,
        "*",
        f"GET{PATH}",
        f" {STAGE}/GET{PATH}",
        f"arn:aws:execute-api:us-east-1:123456789012:*/v1/GET{PATH}",
        f"arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/*/GET{PATH}",
        f"arn:aws:execute-api:*:123456789012:a1b2c3d4e5/v1/GET{PATH}",
        f"arn:aws:execute-api:us-east-1:*:a1b2c3d4e5/v1/GET{PATH}",
        f"arn:aws:lambda:us-east-1:123456789012:a1b2c3d4e5/v1/GET{PATH}",
    ],
)
def test_a_path_that_is_not_written_as_the_route_is_refused(parts: Parts, arn: Any) -> None:
    assert statement(ask(parts, event=authorizer_event(methodArn=arn)))["Effect"] == "Deny"


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        {},
        api_event(),
        authorizer_event(resource="/merchants/{merchant}/shopify/storefront-access-token"),
        authorizer_event(resource="/storefront/acme/shopify/storefront-access-token"),
        authorizer_event(resource="/storefront/{merchant}"),
        *(authorizer_event(resource=resource) for resource in (None, ["/storefront/{merchant}/"])),
        *(authorizer_event(pathParameters=path) for path in (None, {}, "a", {"merchant": None}, {"merchant": ["a"]})),
        authorizer_event(httpMethod=None),
    ],
)
def test_junk_is_refused(parts: Parts, event: Any) -> None:
    answer = authorizer(parts, kinds=KINDS)(allow)(event, None)

    assert statement(answer) == {"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": "*"}


@pytest.mark.parametrize(("kind", "route"), [("storefront", "storefront"), ("client", "clients")])
def test_an_authorizer_decides_about_the_kinds_of_routes_that_it_names_and_denies_others(
    parts: Parts, kind: EventKind, route: str
) -> None:
    event = authorizer_event(route=route)
    other: EventKind = "client" if kind == "storefront" else "storefront"

    assert authorizer_request(event, (kind,)).kind == kind
    assert statement(authorizer(parts, kinds=(kind,))(allow)(event, None))["Resource"] == event["methodArn"]
    assert statement(authorizer(parts, kinds=(other,))(allow)(event, None))["Effect"] == "Deny"


@pytest.mark.parametrize("merchant", ["ACME", "a/b", "..", "a%2Fb", "-a", "a" * 64, "acme ", "*", "", "{merchant}"])
def test_a_name_that_is_no_merchants_is_refused(parts: Parts, merchant: str) -> None:
    """Even where path and resource agree on it: a `*` in a resource would allow every merchant."""
    assert statement(ask(parts, event=authorizer_event(merchant=merchant)))["Effect"] == "Deny"


def test_a_headers_name_is_read_in_any_case_and_its_value_as_it_is() -> None:
    request = authorizer_request(authorizer_event(headers={"oRiGiN": [f" {SHOP}"], "X": ["1"]}), KINDS)

    assert (request.header("origin"), request.header("authorization")) == (f" {SHOP}", None)


@pytest.mark.parametrize("headers", [{"Origin": [SHOP, SHOP]}, {"Origin": [SHOP], "origin": ["https://evil.example"]}])
def test_a_header_that_came_twice_is_neither_the_first_nor_the_last(headers: dict[str, list[str]]) -> None:
    with pytest.raises(Unauthenticated):
        authorizer_request(authorizer_event(headers=headers), KINDS).header("origin")


@pytest.mark.parametrize("headers", [None, [], "Origin", 7])
def test_an_event_without_lists_of_headers_has_none(headers: Any) -> None:
    """Single headers are not believed, since they hold the last of several."""
    event = authorizer_event(multiValueHeaders=headers) | {"headers": {"Origin": SHOP}}

    assert authorizer_request(event, KINDS).header("origin") is None


# The answer


def test_a_grant_allows_one_resource_and_is_passed_on(parts: Parts) -> None:
    answer = ask(parts)

    assert statement(answer) == {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": f"{STAGE}/GET{PATH}"}
    assert answer["policyDocument"]["Version"] == "2012-10-17"
    assert answer["principalId"] == "storefront"
    assert Grant.from_context(answer["context"]) == GRANT
    assert {type(value) for value in answer["context"].values()} == {str}


def test_who_may_not_is_denied_everything_and_passes_nothing_on(parts: Parts) -> None:
    answer = ask(parts, failing(Forbidden("no trust policy")))

    assert (statement(answer)["Effect"], statement(answer)["Resource"], answer["context"]) == ("Deny", "*", {})


def test_whose_proof_is_none_is_unauthorized(parts: Parts) -> None:
    """The exception's text is what API Gateway knows this by."""
    with pytest.raises(DecisionUnavailable) as raised:
        ask(parts, failing(Unauthenticated("bad_signature")))

    assert str(raised.value) == "Unauthorized"


@pytest.mark.parametrize(
    "failure",
    [StorageUnavailable("Later."), ValueError(CANARY), Exception("Unauthorized"), MemoryError()],
    ids=lambda failure: type(failure).__name__,
)
def test_whoever_cannot_be_judged_is_neither_let_in_nor_told_why(parts: Parts, failure: Exception) -> None:
    with pytest.raises(DecisionUnavailable) as raised:
        ask(parts, failing(failure))

    assert str(raised.value) == "The caller could not be checked"
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_parts_that_cannot_be_put_together_let_nobody_in(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    def service(_parts: Parts) -> str:
        raise InternalError("The function is not configured.")

    monkeypatch.setattr(Parts, "service", property(service))

    with pytest.raises(DecisionUnavailable, match="checked"):
        ask(parts)


# The record

OUTCOMES: list[tuple[Decision, str, dict[str, Any]]] = [
    (allow, "allow", {}),
    (failing(Forbidden("no trust policy")), "deny", {"reason": "no trust policy"}),
    (failing(Unauthenticated("expired")), "unauthorized", {"reason": "expired"}),
    (
        failing(StorageUnavailable("Later.", causes=("DynamoDB: ThrottlingException",))),
        "none",
        {"reason": "storage_unavailable", "causes": ["DynamoDB: ThrottlingException"]},
    ),
    (failing(ValueError(CANARY)), "none", {"reason": "ValueError", "causes": []}),
]


@pytest.mark.parametrize(("decide", "decision", "more"), OUTCOMES, ids=[name for _, name, _ in OUTCOMES])
def test_every_question_leaves_one_line_and_one_number(
    parts: Parts, lines: Lines, decide: Decision, decision: str, more: dict[str, Any]
) -> None:
    with suppress(DecisionUnavailable):
        ask(parts, decide)

    (line,) = lines("decided")
    (number,) = lines(f"Authorizer.{decision}")
    assert {name: line.get(name) for name in ("decision", "merchant", "operation", "correlation_id")} == {
        "decision": decision,
        "merchant": "acme",
        "operation": "shopify/storefront-access-token",
        "correlation_id": "gateway-request-1",
    }
    assert {name: line.get(name) for name in ("reason", "causes") if name in line} == more
    assert line["ms"] >= 0
    assert number[f"Authorizer.{decision}"] == [1.0]


def test_a_decision_that_a_role_prevents_is_counted_apart(parts: Parts, lines: Lines) -> None:
    with pytest.raises(DecisionUnavailable):
        ask(parts, failing(StorageUnavailable("Later.", causes=("DynamoDB: AccessDeniedException",))))

    (number,) = lines("Authorizer.none")
    assert number["StorageForbidden"] == [1.0]


def test_a_refused_path_is_recorded_without_what_was_asked(parts: Parts, capsys: pytest.CaptureFixture[str]) -> None:
    ask(parts, event=authorizer_event(merchant=CANARY.upper(), methodArn=f"{STAGE}/GET/storefront/{CANARY}"))

    written = capsys.readouterr().out
    assert '"decision":"deny"' in written
    assert CANARY not in written.lower()


@pytest.mark.parametrize(("decide", "decision", "more"), OUTCOMES, ids=[name for _, name, _ in OUTCOMES])
def test_neither_answer_nor_record_has_anything_of_the_headers_or_of_a_failure(
    parts: Parts, capsys: pytest.CaptureFixture[str], decide: Decision, decision: str, more: dict[str, Any]
) -> None:
    event = authorizer_event(headers={"Authorization": [f"Bearer {CANARY}"], "Origin": [CANARY], "Cookie": [CANARY]})
    told = ""
    try:
        told = json.dumps(ask(parts, decide, event))
    except DecisionUnavailable as raised:
        told = str(raised)

    captured = capsys.readouterr()
    assert CANARY not in told + captured.out + captured.err


def test_a_decision_gets_the_question_and_the_trust_and_keeps_its_docstring(parts: Parts) -> None:
    seen: list[Any] = []

    def decide(request: AuthorizerRequest, admission: str) -> Grant:
        """Handle GET /here."""
        seen.extend([request.merchant, request.operation, admission])
        return GRANT

    ask(parts, decide, authorizer_event(merchant="acme-2", operation="fourthwall/public-token"))

    assert authorizer(parts, kinds=("storefront",))(decide).__doc__ == "Handle GET /here."
    assert seen == ["acme-2", "fourthwall/public-token", "the trust"]
