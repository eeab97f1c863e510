"""The tables of routes, parameters and errors, and the links and paths in all pages, describe the repository."""

import operator
import re
from functools import reduce

import pytest

from tests.template_as_written import template
from tests.unit.repository.pages import PROVIDER_PAGES, ROOT, rows
from token_broker import errors
from token_broker.providers.shopify import refusals  # noqa: F401  # it adds errors of its own

PAGES = ["README.md", *sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/**/*.md"))]
#: The folders that the paths in the pages are relative to.
BASES = [ROOT / name for name in ("", "layers/token_broker/token_broker")] + [
    ROOT / "functions/storefronts/proof_authorizer/proofs",
    ROOT / "tests/unit/tokens",
]


def codes(kind: type[errors.BrokerError]) -> dict[str, int]:
    """Return the codes of an error and of all errors below it, with their statuses."""
    below = (codes(each) for each in kind.__subclasses__())
    return reduce(operator.or_, below, {kind.code: kind.status})


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


def test_the_error_table_has_every_code_with_its_status() -> None:
    """Callers rely on them. The gateway has further ones for `internal_error`."""
    described = {
        code: row[1][:3] for row in rows("docs/reference/errors.md", "Codes") for code in re.findall(r"`(\w+)`", row[0])
    }

    assert described == {code: str(status) for code, status in codes(errors.BrokerError).items()}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file(page: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / page).read_text())

    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page != "docs/tutorials/add-a-provider.md"])
def test_every_module_and_folder_that_a_page_names_exists(page: str) -> None:
    paths = re.findall(r"`(\w[\w./-]*(?:\.py|/))`", (ROOT / page).read_text())

    assert [path for path in paths if path != "app.py" and not any((base / path).exists() for base in BASES)] == []
