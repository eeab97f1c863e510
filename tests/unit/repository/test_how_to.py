"""The how-to pages' tables have what the code says."""

import re
from pathlib import Path

from proofs.outcomes import PERMANENT
from proofs.verification import _REASONS
from tests.unit.repository.pages import ROOT, rows

#: The code that refuses a storefront before the function runs.
REFUSING = (
    "layers/token_broker/token_broker/storefronts/admission.py",
    "layers/token_broker/token_broker/entrypoints/authorizer.py",
    "functions/storefronts/proof_authorizer/app.py",
)
#: The code that refuses a storefront later.
ANSWERING = (
    "layers/token_broker/token_broker/domain/grant.py",
    "layers/token_broker/token_broker/entrypoints/storefront.py",
)
PROOFS = ROOT / "functions/storefronts/proof_authorizer/proofs"
PAGE = (ROOT / "docs/how-to/debug-a-403.md").read_text()


def texts(pattern: str, *paths: Path) -> set[str]:
    return {text for path in paths for text in re.findall(pattern, path.read_text())}


def explained(after: str) -> set[str]:
    """Return the reasons in the first column of the page's table below a text."""
    table = PAGE.partition(after)[2].partition("| `reason` |")[2].partition("\n\n")[0]
    return {reason for row in table.splitlines()[2:] for reason in re.findall(r"`([^`]+)`", row.split("|")[1])}


def test_the_page_about_403_has_every_detail_that_a_page_or_a_backend_can_read() -> None:
    written = " ".join((ROOT / path).read_text() for path in (*ANSWERING, "template.yaml"))
    details = [row[0] for row in rows("docs/how-to/debug-a-403.md", "Who refused it") if row[1] != "the browser"]
    gateway = re.findall(r'"status":403,"detail":"(.+?)"', written)

    assert [each for each in details if each[0].isupper() and f'"{each}' not in written] == []
    assert [each for each in gateway if not each.startswith(tuple(details))] == []


def test_the_page_about_403_has_every_reason_of_an_authorizer() -> None:
    assert explained("## A page") == texts(r'Forbidden\("(.+?)"\)', *(ROOT / path for path in REFUSING))


def test_the_page_about_403_has_every_reason_to_reject_a_proof() -> None:
    rejected = texts(r'ProofRejected\("(.+?)"\)', *PROOFS.glob("*.py")) | set(_REASONS.values()) | PERMANENT
    without_proof = texts(r'Unauthenticated\("(.+?)"\)', PROOFS.parent / "app.py")

    assert explained("## A proof, with 401") == {*rejected, *without_proof, "no trust policy"}
