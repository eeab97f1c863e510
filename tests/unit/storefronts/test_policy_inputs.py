"""The trust policy's routes: what each takes from the gateway and from a direct invocation, and what it answers."""

import json
from typing import Any

import pytest

from tests.fakes.events import api_event
from tests.fakes.trust_policies import oidc, policy, sessions, shop
from token_broker.domain.fields import Precondition
from token_broker.entrypoints.adapter import Invocation, Reply
from token_broker.entrypoints.api_gateway import ApiGatewayAdapter
from token_broker.entrypoints.direct import DirectAdapter
from token_broker.entrypoints.inputs import DeleteTrustPolicy, Input, PutTrustPolicy, read
from token_broker.errors import InvalidRequest

ROUTE = "/merchants/{merchant}/trust-policy"
WHOLE = policy(anonymous=["fourthwall/public-token"], sessions=sessions(oidc()), shop=shop())
ANY = Precondition()


def api(method: str = "PUT", *, body: Any = None, query: Any = None, **headers: str) -> Invocation:
    """Build a signed request. A header's name is written with underscores."""
    sent = {name.replace("_", "-"): [value] for name, value in headers.items()}
    event = api_event(
        resource=ROUTE, httpMethod=method, path={"merchant": "acme"}, body=body, query=query, headers=sent
    )
    return ApiGatewayAdapter(event)


def direct(**fields: Any) -> Invocation:
    return DirectAdapter({"merchant": "acme", **fields}, "lambda-request-1")


def taken[T: Input](kind: type[T], adapter: Invocation) -> T:
    return read(kind, adapter.raw_fields(kind))


def refused(kind: type[Input], adapter: Invocation) -> str:
    with pytest.raises(InvalidRequest) as raised:
        taken(kind, adapter)
    return raised.value.detail


@pytest.mark.parametrize("document", [policy(), policy(anonymous=[]), WHOLE], ids=["least", "empty", "whole"])
def test_the_body_is_the_policy_itself_through_both_doors(document: dict[str, Any]) -> None:
    for adapter in (api(body=document), direct(**document)):
        given = taken(PutTrustPolicy, adapter)
        assert (given.merchant, given.document, given.precondition) == ("acme", document, ANY)


@pytest.mark.parametrize(
    ("headers", "fields", "precondition"),
    [
        ({"If_Match": '"3"'}, {"ifMatch": '"3"'}, Precondition(revisions=frozenset({3}), exists=True)),
        ({"if_match": '"3", W/"4"'}, {"ifMatch": '"3"'}, Precondition(revisions=frozenset({3}), exists=True)),
        ({"If_Match": "*"}, {"ifMatch": "*"}, Precondition(exists=True)),
        ({"If_Match": 'W/"3"'}, {"ifMatch": 'W/"3"'}, Precondition(revisions=frozenset(), exists=True)),
        ({"If_None_Match": "*"}, {"ifNoneMatch": "*"}, Precondition(absent=True)),
        (
            {"If_Match": "*", "If_None_Match": "*"},
            {"ifMatch": "*", "ifNoneMatch": "*"},
            Precondition(exists=True, absent=True),
        ),
    ],
)
def test_a_put_may_say_what_it_has_seen(
    headers: dict[str, str], fields: dict[str, str], precondition: Precondition
) -> None:
    for adapter in (api(body=WHOLE, **headers), direct(**WHOLE, **fields)):
        assert taken(PutTrustPolicy, adapter).precondition == precondition


@pytest.mark.parametrize("header", ["3", "", '"3', "3, 4"])
def test_a_precondition_that_is_not_understood_is_refused(header: str) -> None:
    """If it were ignored, an overwriting change would be accepted."""
    assert "'ifMatch' must be" in refused(PutTrustPolicy, api(body=WHOLE, If_Match=header))
    assert "'ifMatch' must be" in refused(DeleteTrustPolicy, api("DELETE", If_Match=header))
    assert "'ifMatch' must be" in refused(DeleteTrustPolicy, direct(ifMatch=header))
    assert "'ifNoneMatch' must be *" in refused(PutTrustPolicy, api(body=WHOLE, If_None_Match='"3"'))


@pytest.mark.parametrize("name", ["merchant", "ifMatch", "document", "revision", "changedBy", "expiresAt"])
def test_the_body_has_no_room_for_anything_else(name: str) -> None:
    assert "The body takes these fields" in refused(PutTrustPolicy, api(body={**WHOLE, name: "x"}))
    assert "1 field(s) are not known here" in refused(PutTrustPolicy, direct(**WHOLE, revision=3))


@pytest.mark.parametrize("name", ["version", "origins", "anonymous", "sessions", "shop"])
def test_null_is_not_the_same_as_leaving_a_member_out(name: str) -> None:
    """A tool that writes `"sessions": null` may mean to keep what stands."""
    less, null = {each: WHOLE[each] for each in WHOLE if each != name}, {**WHOLE, name: None}

    for left_out, nothing in ((api(body=less), api(body=null)), (direct(**less), direct(**null))):
        assert refused(PutTrustPolicy, nothing).startswith(f"'{name}' must be")
        if name in ("version", "origins"):
            assert refused(PutTrustPolicy, left_out) == f"'{name}' must be given."


def test_a_delete_may_say_what_it_has_seen() -> None:
    seen = Precondition(revisions=frozenset({3}), exists=True)

    assert [taken(DeleteTrustPolicy, each).precondition for each in (api("DELETE"), direct())] == [ANY, ANY]
    for adapter in (api("DELETE", If_Match='"3"'), direct(ifMatch='"3"')):
        assert taken(DeleteTrustPolicy, adapter).precondition == seen
    assert "The body takes" in refused(DeleteTrustPolicy, api("DELETE", body=WHOLE))


def test_an_answer_carries_its_revision_as_an_etag_and_a_direct_one_beside_the_document() -> None:
    reply = Reply(WHOLE, 200, 3)

    answer = api().respond(reply)
    assert (answer["headers"]["ETag"], answer["headers"]["Cache-Control"]) == ('"3"', "no-store")
    assert json.loads(answer["body"]) == WHOLE
    assert direct().respond(reply) == {**WHOLE, "revision": 3}
    assert "ETag" not in api().respond(Reply({"deleted": True}, 200))["headers"]
    assert direct().respond(Reply({"deleted": True}, 200)) == {"deleted": True}
