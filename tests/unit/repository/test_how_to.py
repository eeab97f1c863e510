"""The how-to pages' tables have what the code says."""

import re

from tests.unit.repository.pages import ROOT

#: The code that refuses a storefront before the function runs.
REFUSING = (
    "layers/token_broker/token_broker/storefronts/admission.py",
    "layers/token_broker/token_broker/entrypoints/authorizer.py",
    "functions/storefronts/proof_authorizer/app.py",
)


def test_the_page_about_403_has_every_reason_of_an_authorizer() -> None:
    raised = {reason for path in REFUSING for reason in re.findall(r'Forbidden\("(.+?)"\)', (ROOT / path).read_text())}
    table = (ROOT / "docs/how-to/debug-a-403.md").read_text().partition("| `reason` |")[2].partition("\n\n")[0]
    explained = {reason for row in table.splitlines()[2:] for reason in re.findall(r"`([^`]+)`", row.split("|")[1])}

    assert explained == raised


def test_the_page_about_refusals_has_the_script_of_the_readme() -> None:
    pages = ("README.md", "docs/how-to/handle-expiry-and-refusals.md")
    first, second = (re.findall(r"```js\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)[0] for page in pages)

    assert first == second
