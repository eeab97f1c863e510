"""Trust policies in the table: guarded writes, what a deletion leaves, lost answers, and writers at the same time."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.fakes.trust_policies import TAKEN, hs256, parse, policy, sessions
from tests.integration.support.outages import answer_lost, aws_error, refusing
from tests.integration.support.store_harness import MERCHANT, NOW_S, StoreBench
from token_broker.aws.store.policies import DynamoPolicies
from token_broker.errors import StorageUnavailable
from token_broker.ports.documents import Revisioned, StoredPolicy

ONE, TWO = policy(), policy(origins=["https://two.example"])
PREVIEW, OTHER = "https://one.preview.example", "https://two.preview.example"
#: What the version before takes for a policy. It refuses all storefronts of a merchant whose document it refuses.
BEFORE = Draft202012Validator(json.loads((Path(__file__).parent / "recorded_policies/0.1.0.schema.json").read_text()))


def stored(document: Any = ONE, revision: int = 1, changed_by: str = "ann") -> Revisioned[Any]:
    return Revisioned(document=document, revision=revision, changed_by=changed_by)


@pytest.fixture
def policies(bench: StoreBench) -> DynamoPolicies:
    return DynamoPolicies(bench.table(), bench.clock)


def test_a_policy_is_one_item_that_never_expires(policies: DynamoPolicies, bench: StoreBench) -> None:
    policies.replace(MERCHANT, stored(), expected=0)

    (item,) = bench.items()
    assert item.pop("changeId")
    assert item == {
        "pk": "policy#acme",
        "sk": "policy",
        "revision": 1,
        "document": ONE,
        "changedAt": NOW_S,
        "changedBy": "ann",
    }


def test_what_the_version_before_reads_is_a_policy_to_it(policies: DynamoPolicies, bench: StoreBench) -> None:
    """A newer part is beside the document. Preview origins are, too."""
    for revision, (name, document) in enumerate(TAKEN.items()):
        policies.replace(MERCHANT, stored(document, revision + 1), expected=revision)
        change = policies.read_all(MERCHANT).preview_change
        assert policies.replace_previews(MERCHANT, {PREVIEW: NOW_S}, expected=change)

        (item,) = bench.items()
        assert BEFORE.is_valid(item["document"]), name
        assert item["document"] == {part: value for part, value in document.items() if part != "shop"}
        assert item.get("shop") == document.get("shop")


def test_an_item_of_the_version_before_has_no_newer_parts(policies: DynamoPolicies, bench: StoreBench) -> None:
    bench.put({"pk": "policy#acme", "sk": "policy", "revision": 4, "document": ONE, "changedBy": "ann"})

    assert policies.read(MERCHANT) == stored(ONE, 4)
    assert policies.read_all(MERCHANT) == StoredPolicy(ONE)
    assert policies.replace_previews(MERCHANT, {PREVIEW: NOW_S}, expected="")
    assert policies.read(MERCHANT) == stored(ONE, 4)


def test_every_policy_that_is_taken_means_the_same_when_it_is_read(policies: DynamoPolicies) -> None:
    for revision, (name, document) in enumerate(TAKEN.items()):
        assert policies.replace(MERCHANT, stored(document, revision + 1), expected=revision)
        assert parse(policies.read(MERCHANT).document) == parse(document), name


def test_a_required_claim_keeps_its_type(policies: DynamoPolicies) -> None:
    claims = {"yes": True, "no": False, "one": 1, "zero": 0, "text": "1", "share": 1.5}
    policies.replace(MERCHANT, stored(policy(sessions=sessions(hs256(claims=claims)))), expected=0)

    document: Any = policies.read(MERCHANT).document
    assert repr(sorted(document["sessions"]["proofs"][0]["claims"].items())) == repr(sorted(claims.items()))


def test_a_revision_guards_each_write_and_outlives_a_deletion(policies: DynamoPolicies, bench: StoreBench) -> None:
    assert policies.read(MERCHANT) == Revisioned()
    for written in (stored(), stored(TWO, 2), stored(None, 3), stored(ONE, 4)):
        assert policies.replace(MERCHANT, written, expected=written.revision - 1)
        assert policies.read(MERCHANT) == written
        assert ("document" in bench.items()[0]) is (written.document is not None)
        for seen in {0, 1, 2, 3, 5} - {written.revision}:
            assert not policies.replace(MERCHANT, stored(TWO, 9), expected=seen)


def test_merchants_do_not_meet(policies: DynamoPolicies) -> None:
    policies.replace(MERCHANT, stored(), expected=0)
    assert policies.replace("other", stored(TWO), expected=0)

    assert (policies.read(MERCHANT), policies.read("other")) == (stored(), stored(TWO))
    assert policies.read("acm") == Revisioned()


@pytest.mark.parametrize(
    ("before", "change"),
    [(None, stored()), (stored(), stored(TWO, 2)), (stored(), stored(None, 2))],
    ids=["first", "change", "deletion"],
)
def test_a_write_whose_answer_was_lost_is_known_for_ones_own(
    policies: DynamoPolicies, bench: StoreBench, before: Revisioned[Any] | None, change: Revisioned[Any]
) -> None:
    """The SDK repeats it, and it fails on its own success."""
    if before is not None:
        policies.replace(MERCHANT, before, expected=0)

    with answer_lost(bench.dynamodb, "UpdateItem") as outage:
        assert policies.replace(MERCHANT, change, expected=change.revision - 1)

    assert outage.struck == 1
    assert policies.read(MERCHANT) == change


@pytest.mark.parametrize("theirs", [stored(), stored(TWO), stored(None), stored(ONE, 2)])
def test_anothers_write_is_not_taken_for_ones_own(policies: DynamoPolicies, theirs: Revisioned[Any]) -> None:
    """Even the very same, by the same caller in the same second: of two who would be first, one is told."""
    policies.replace(MERCHANT, theirs, expected=0)

    assert not policies.replace(MERCHANT, stored(), expected=0)


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("GetItem", lambda policies: policies.read(MERCHANT)),
        ("UpdateItem", lambda policies: policies.replace(MERCHANT, stored(), expected=0)),
    ],
)
@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException", "ThrottlingException"])
def test_storage_that_fails_is_said_without_a_word_of_awss(
    policies: DynamoPolicies,
    bench: StoreBench,
    operation: str,
    call: Callable[[DynamoPolicies], object],
    code: str,
) -> None:
    with refusing(bench.dynamodb, operation, error=lambda: aws_error(code)), pytest.raises(StorageUnavailable) as said:
        call(policies)

    assert "arn:" not in said.value.detail
    assert said.value.causes == (f"DynamoDB: {code}",)


def test_a_document_that_somebody_else_wrote_is_read_as_it_lies(policies: DynamoPolicies, bench: StoreBench) -> None:
    """What it means is for the reader to judge."""
    bench.put({"pk": "policy#acme", "sk": "policy", "revision": 4, "document": "allow all"})

    found: Any = policies.read(MERCHANT)
    assert (found.document, found.revision, found.changed_by) == ("allow all", 4, "")


# Preview origins


@pytest.fixture
def previews(policies: DynamoPolicies) -> DynamoPolicies:
    """Return a store with a policy and a preview origin."""
    policies.replace(MERCHANT, stored(), expected=0)
    assert policies.replace_previews(MERCHANT, {PREVIEW: NOW_S}, expected="")
    return policies


def test_preview_origins_change_nothing_of_the_policy_and_survive_its_change(
    previews: DynamoPolicies, bench: StoreBench
) -> None:
    (item,) = bench.items()
    assert previews.read(MERCHANT) == stored()
    assert (item["changedBy"], item["previewOrigins"]) == ("ann", {PREVIEW: NOW_S})

    assert previews.replace(MERCHANT, stored(TWO, 2), expected=1)

    assert previews.read_all(MERCHANT) == StoredPolicy(TWO, {PREVIEW: NOW_S}, item["previewChangeId"])


def test_a_deleted_policy_takes_its_preview_origins_along(previews: DynamoPolicies, bench: StoreBench) -> None:
    change = previews.read_all(MERCHANT).preview_change
    assert previews.replace(MERCHANT, stored(None, 2), expected=1)

    assert previews.read_all(MERCHANT) == StoredPolicy()
    assert set(bench.items()[0]) == {"pk", "sk", "revision", "changedAt", "changedBy", "changeId"}
    assert not previews.replace_previews(MERCHANT, {PREVIEW: NOW_S}, expected="")
    previews.replace(MERCHANT, stored(ONE, 3), expected=2)
    assert not previews.replace_previews(MERCHANT, {PREVIEW: NOW_S}, expected=change), "it was of the policy before"


def test_there_are_no_preview_origins_without_a_policy(policies: DynamoPolicies, bench: StoreBench) -> None:
    assert not policies.replace_previews(MERCHANT, {PREVIEW: NOW_S}, expected="")
    assert bench.items() == []


def test_of_two_changes_that_saw_the_same_preview_origins_one_is_told(previews: DynamoPolicies) -> None:
    change = previews.read_all(MERCHANT).preview_change

    assert previews.replace_previews(MERCHANT, {OTHER: NOW_S}, expected=change)
    assert not previews.replace_previews(MERCHANT, {}, expected=change)
    assert not previews.replace_previews(MERCHANT, {}, expected="")
    assert previews.read_all(MERCHANT).previews == {OTHER: NOW_S}


def test_a_change_of_preview_origins_whose_answer_was_lost_is_known_for_ones_own(
    previews: DynamoPolicies, bench: StoreBench
) -> None:
    change = previews.read_all(MERCHANT).preview_change

    with answer_lost(bench.dynamodb, "UpdateItem") as outage:
        assert previews.replace_previews(MERCHANT, {}, expected=change)

    assert outage.struck == 1
    assert previews.read_all(MERCHANT).previews == {}
