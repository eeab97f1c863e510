"""The tables of routes, parameters and errors, and the links and paths in all pages, describe the repository."""

import json
import re

import pytest

from tests.template_as_written import template
from tests.unit.repository.pages import BESIDE_CODE, PAGES, PROVIDER_PAGES, ROOT, anchors, rows
from token_broker import errors
from token_broker.providers.shopify import refusals  # noqa: F401  # it adds errors of its own

ERRORS = "docs/reference/errors.md"
#: The folders that the paths in the pages are relative to.
BASES = [ROOT / name for name in ("", "layers/token_broker/token_broker")] + [
    *(ROOT / "functions/storefronts/proof_authorizer" / name for name in ("", "proofs")),
    ROOT / "tests/unit/tokens",
]


def below(kind: type[errors.BrokerError]) -> list[type[errors.BrokerError]]:
    """Return an error's class and all classes below it."""
    return [kind, *(one for each in kind.__subclasses__() for one in below(each))]


def codes(kind: type[errors.BrokerError]) -> dict[str, int]:
    """Return the codes of an error and of all errors below it, with their statuses."""
    return {each.code: each.status for each in reversed(below(kind))}


def test_the_route_table_is_the_templates() -> None:
    cells = [row[0] for page in ("docs/reference/http-api.md", *PROVIDER_PAGES) for row in rows(page, "Routes")]
    described = {match.groups() for cell in cells if (match := re.match(r"`(GET|PUT|POST|DELETE) (/\S+?)`", cell))}
    deployed = {
        (event["Properties"]["Method"], event["Properties"]["Path"])
        for function in template()["Resources"].values()
        if function["Type"] == "AWS::Serverless::Function"
        for event in function["Properties"].get("Events", {}).values()
        if event["Type"] == "Api"
    }

    assert described == deployed


def test_the_configuration_table_names_every_parameter_with_its_default() -> None:
    pages = ("docs/reference/configuration.md", *PROVIDER_PAGES)
    described = {row[0]: " ".join(row[1:]) for page in pages for row in rows(page, "Parameters")}
    for name, parameter in template()["Parameters"].items():
        (row,) = [said for cell, said in described.items() if f"`{name}`" in cell]
        assert str(parameter["Default"]) in row or (parameter["Default"] == "" and "empty" in row)


def test_the_error_table_has_every_code_with_its_statuses_and_whether_a_retry_helps() -> None:
    """Callers rely on them. API Gateway answers with some of them itself."""
    found: dict[str, set[tuple[int, bool]]] = {}
    for kind in below(errors.BrokerError):
        found.setdefault(kind.code, set()).add((kind.status, kind.retryable))
    for response in template()["Resources"]["Api"]["Properties"]["GatewayResponses"].values():
        problem = re.sub(r":\$context\.\w+|\$context\.\w+", "", response["ResponseTemplates"]["application/json"])
        own = json.loads(problem)
        found[own["code"]].add((own["status"], own["retryable"]))

    described = {code: (row[1], row[2]) for row in rows(ERRORS, "Codes") for code in re.findall(r"`(\w+)`", row[0])}
    words = {False: "no", True: "yes"}
    expected = {code: ", ".join(map(str, sorted({status for status, _ in each}))) for code, each in found.items()}

    assert {code: statuses for code, (statuses, _) in described.items()} == expected
    for code, (_, retryable) in described.items():
        kinds = {again for _, again in found[code]}
        assert retryable.startswith(words[all(kinds)])
        assert (len(kinds) == 2) is ("API Gateway" in retryable)


def test_every_code_is_the_anchor_of_a_section_that_is_not_empty() -> None:
    text = (ROOT / ERRORS).read_text()
    sections = dict(re.findall(r"^### `(\w+)`\n\n(\S.*)", text, re.MULTILINE))

    assert sections.keys() == codes(errors.BrokerError).keys() <= anchors(ERRORS)


@pytest.mark.parametrize("page", [*PAGES, *BESIDE_CODE])
def test_every_link_leads_to_a_page_and_a_heading(page: str) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", (ROOT / page).read_text()):
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent.joinpath(path).resolve() if path else ROOT / page
        if not re.match(r"\w+:", link) and not (
            target.exists() and (not anchor or anchor in anchors(target.relative_to(ROOT).as_posix()))
        ):
            broken.append(link)

    assert broken == []


@pytest.mark.parametrize("page", [page for page in PAGES if page != "docs/tutorials/add-a-provider.md"])
def test_every_module_and_folder_that_a_page_names_exists(page: str) -> None:
    paths = re.findall(r"`(\w[\w./-]*(?:\.py|/))`", (ROOT / page).read_text())

    assert [path for path in paths if path != "app.py" and not any((base / path).exists() for base in BASES)] == []
