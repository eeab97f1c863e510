"""Changing a trust policy: revisions that only rise, preconditions, and others who change it at the same time."""

from functools import partial
from typing import Any

import pytest

from tests.fakes.documents import MemoryDocuments
from tests.fakes.telemetry import RecordingTelemetry
from tests.fakes.trust_policies import SHOP, hs256, parse, policy, sessions
from token_broker.domain.fields import Precondition
from token_broker.errors import Conflict, InvalidRequest, PreconditionFailed, StorageUnavailable, TrustPolicyNotFound
from token_broker.ports.documents import MAX_ATTEMPTS, Revisioned
from token_broker.storefronts.change_policy import TrustPolicies

CALLER = "arn:aws:iam::123456789012:role/operator"
ONE, TWO = policy(), policy(origins=["https://two.example"])
ANY = Precondition()
ABSENT = Precondition(absent=True)
EXISTS = Precondition(exists=True)


def seen(*revisions: int) -> Precondition:
    """If-Match with these."""
    return Precondition(revisions=frozenset(revisions), exists=True)


class Office:
    """The operations, with everything around them."""

    def __init__(self) -> None:
        self.store = MemoryDocuments[Any]()
        self.telemetry = RecordingTelemetry()
        self.policies = TrustPolicies(self.store, self.telemetry, parse, caller=CALLER)

    def put(self, document: Any = ONE, precondition: Precondition = ANY) -> tuple[int, bool]:
        return self.policies.put("acme", document, precondition)

    def delete(self, precondition: Precondition = ANY) -> bool:
        return self.policies.delete("acme", precondition)

    def stands(self, document: Any, revision: int) -> None:
        """Have somebody else's change stand."""
        self.store.stored["acme"] = Revisioned(document=document, revision=revision, changed_by="somebody")

    @property
    def revision(self) -> int:
        return self.store.stored["acme"].revision


@pytest.fixture
def office() -> Office:
    return Office()


def test_a_first_policy_has_the_first_revision_and_a_change_the_next(office: Office) -> None:
    assert office.put() == (1, True)
    assert office.policies.get("acme") == (ONE, 1)
    assert office.put(TWO) == (2, False)
    assert office.policies.get("acme") == (TWO, 2)
    assert office.store.stored["acme"].changed_by == CALLER


def test_repeating_a_change_changes_nothing(office: Office) -> None:
    office.put()

    assert office.put() == (1, False)
    assert office.put(dict(reversed(ONE.items()))) == (1, False), "the order of members says nothing"
    assert len(office.store.writes) == 1


def test_documents_that_differ_only_as_json_does_are_different(office: Office) -> None:
    """In Python true equals 1: the stricter claim must not be taken for the one that stands."""
    assert office.put(policy(origins=[SHOP, "https://two.example"])) == (1, True)
    assert office.put(policy(origins=["https://two.example", SHOP])) == (2, False)
    office.put(policy(sessions=sessions(hs256(claims={"vip": 1}))))
    strict = policy(sessions=sessions(hs256(claims={"vip": True})))

    assert office.put(strict) == (4, False)
    document, _ = office.policies.get("acme")
    assert document["sessions"]["proofs"][0]["claims"]["vip"] is True


def test_revisions_rise_over_a_deletion(office: Office) -> None:
    """An ETag from before must never fit what came after."""
    office.put()
    assert office.delete()

    assert office.put() == (3, True)
    with pytest.raises(PreconditionFailed):
        office.put(TWO, seen(1))


def test_a_policy_is_not_found_before_it_is_put_and_after_it_is_deleted(office: Office) -> None:
    with pytest.raises(TrustPolicyNotFound, match="PUT one"):
        office.policies.get("acme")
    office.put()
    office.delete()

    with pytest.raises(TrustPolicyNotFound, match="PUT one"):
        office.policies.get("acme")


def test_deleting_what_is_not_there_says_so_and_writes_nothing(office: Office) -> None:
    assert not office.delete()
    office.put()
    office.delete()
    writes = len(office.store.writes)

    assert not office.delete()
    assert len(office.store.writes) == writes


def test_a_document_that_is_too_large_is_refused_whichever_way_it_came(office: Office) -> None:
    claims = {f"claim-{number}": "ü" * 255 for number in range(10)}
    proofs = [hs256(issuer=f"https://{number}.example", claims=claims) for number in range(5)]

    with pytest.raises(InvalidRequest, match="at most 16384 bytes"):
        office.put(policy(sessions=sessions(*proofs)))
    assert office.store.reads == []


@pytest.mark.parametrize("document", [{}, {**ONE, "more": 1}, policy(origins=["*"]), policy(version=2), None, []])
def test_a_document_that_is_no_policy_is_not_even_looked_up(office: Office, document: Any) -> None:
    with pytest.raises(InvalidRequest):
        office.put(document)

    assert (office.store.reads, office.store.writes) == ([], [])


# What is asked of what stands


@pytest.mark.parametrize("precondition", [ANY, EXISTS, seen(5), seen(1, 5), Precondition(revisions=None, exists=True)])
def test_a_precondition_that_fits_lets_the_change_through(office: Office, precondition: Precondition) -> None:
    office.stands(ONE, 5)

    assert office.put(TWO, precondition) == (6, False)


@pytest.mark.parametrize("precondition", [ABSENT, seen(4), seen(), seen(6), seen(0)])
def test_a_precondition_that_does_not_fit_changes_nothing(office: Office, precondition: Precondition) -> None:
    office.stands(ONE, 5)

    for change in (lambda: office.put(TWO, precondition), lambda: office.delete(precondition)):
        with pytest.raises(PreconditionFailed, match="trust policy"):
            change()

    assert office.store.writes == []


@pytest.mark.parametrize("deleted", [False, True])
@pytest.mark.parametrize("precondition", [EXISTS, seen(5), seen(0)])
def test_nothing_fits_a_policy_that_is_not_there(office: Office, precondition: Precondition, *, deleted: bool) -> None:
    if deleted:
        office.stands(None, 5)

    with pytest.raises(PreconditionFailed):
        office.put(ONE, precondition)


@pytest.mark.parametrize(("deleted", "revision"), [(False, 1), (True, 6)])
def test_only_where_there_is_none_a_policy_may_be_made(office: Office, revision: int, *, deleted: bool) -> None:
    if deleted:
        office.stands(None, 5)

    assert office.put(ONE, ABSENT) == (revision, True)


@pytest.mark.parametrize("precondition", [ABSENT, EXISTS, seen(1), seen(4)])
def test_a_repeated_change_succeeds_whatever_its_precondition(office: Office, precondition: Precondition) -> None:
    """The first answer may have been lost, and the precondition held for the first call."""
    office.stands(ONE, 5)
    assert office.put(ONE, precondition) == (5, False)

    office.stands(None, 6)
    assert not office.delete(precondition)
    assert office.store.writes == []


# Others at the same time


def test_another_first_policy_that_came_between_is_replaced_and_not_lost_count_of(office: Office) -> None:
    office.store.meanwhile(lambda: office.stands(TWO, 1))

    assert office.put(ONE) == (2, False)


def test_whoever_saw_an_older_one_is_told_when_another_came_between(office: Office) -> None:
    office.stands(ONE, 5)
    office.store.meanwhile(lambda: office.stands(TWO, 6))

    with pytest.raises(PreconditionFailed):
        office.put(policy(origins=["https://three.example"]), seen(5))

    assert (office.policies.get("acme"), office.revision) == ((TWO, 6), 6)


def test_of_two_who_would_be_first_with_different_policies_one_is_told(office: Office) -> None:
    office.store.meanwhile(lambda: office.stands(TWO, 1))

    with pytest.raises(PreconditionFailed):
        office.put(ONE, ABSENT)


def test_another_who_wrote_the_same_between_is_no_conflict(office: Office) -> None:
    office.stands(ONE, 5)
    office.store.meanwhile(lambda: office.stands(TWO, 6))

    assert office.put(TWO) == (6, False)

    office.store.meanwhile(lambda: office.stands(None, 7))
    assert not office.delete()


def test_a_change_gives_up_where_others_never_stop(office: Office) -> None:
    others = [policy(origins=[f"https://{number}.example"]) for number in range(MAX_ATTEMPTS)]
    for number, document in enumerate(others, start=1):
        office.store.meanwhile(partial(office.stands, document, number))

    with pytest.raises(Conflict, match="in a moment"):
        office.put(ONE)

    assert len(office.store.writes) == MAX_ATTEMPTS


def test_storage_that_is_down_is_said(office: Office) -> None:
    office.store.failure = StorageUnavailable("Later.")

    for operation in (lambda: office.policies.get("acme"), office.put, office.delete):
        with pytest.raises(StorageUnavailable):
            operation()


# The record


def test_every_change_is_told_of_without_the_document(office: Office) -> None:
    office.put()
    office.put(ONE)
    office.delete()

    assert office.telemetry.notices == [
        ("trust_policy_changed", {"merchant": "acme", "revision": 1, "deleted": False, "caller": CALLER}),
        ("trust_policy_changed", {"merchant": "acme", "revision": 2, "deleted": True, "caller": CALLER}),
    ]
