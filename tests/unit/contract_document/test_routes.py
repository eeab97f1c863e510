"""The document has the routes of the template, with their functions and whoever lets callers in."""

from typing import Any

from reference_pages.contract import document, operations
from tests.deployed_function import CLIENT, IAM, PROOF, SHOP
from tests.unit.repository.transformed import plain, resources

SCHEMES = {IAM: "sigV4", SHOP: "pageOrigin", PROOF: "proof", CLIENT: "clientProof"}
#: What the name of an operation begins with, by the first part of its path.
PREFIXES = {"storefront": "storefront_", "clients": "client_"}


def api() -> Any:
    return plain(resources("AWS::ApiGateway::RestApi")["Api"]["Body"])


def test_the_routes_and_their_authorizers_are_those_of_the_template() -> None:
    deployed: dict[tuple[str, str], Any] = {
        (verb.upper(), path): [{SCHEMES[name]: []} for each in method["security"] for name in each]
        for path, verbs in api()["paths"].items()
        for verb, method in verbs.items()
        if verb != "options"
    }

    assert deployed == {
        (each.method, each.path): each.described.get("security", document()["security"])
        for each in operations().values()
    }


def test_an_operation_is_named_after_its_function() -> None:
    for name, operation in operations().items():
        integration = api()["paths"][operation.path][operation.method.lower()]["x-amazon-apigateway-integration"]
        function = "".join(word.capitalize() for word in operation.function.replace("/", "_").split("_"))
        prefix = PREFIXES.get(operation.path.split("/")[1], "")

        assert f":function:{function}Function/invocations" in integration["uri"]
        assert name == f"{prefix}{operation.function.replace('/', '_')}"


def test_each_kind_of_authorizer_is_that_of_the_template() -> None:
    deployed, described = (each["components"]["securitySchemes"] for each in (api(), document()))
    kind = "x-amazon-apigateway-authtype"

    assert {name: described[name][kind] for name in described} == {
        SCHEMES[name]: each[kind] for name, each in deployed.items()
    }
