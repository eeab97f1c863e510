"""The published schema and the parser agree on every document, but for what a schema has no words for."""

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.fakes.addresses import JWKS_URIS, NOT_JWKS_URIS, NOT_ORIGINS, ORIGINS
from tests.fakes.trust_policies import REFUSED, TAKEN, oidc, parse, policy, sessions
from token_broker.domain import fields
from token_broker.errors import InvalidRequest
from token_broker.wiring import page_operations

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/reference/trust-policy.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)
#: What the parser alone refuses: a schema cannot compare a member of one item with that of another.
UNSAYABLE = {
    f"'{part}.proofs' must have different issuers. Two of them have the same 'issuer'." for part in ("sessions", "shop")
}

few = settings(deadline=None, derandomize=True, max_examples=25)
many = settings(deadline=None, derandomize=True, max_examples=60)


def refusal(document: Any) -> str | None:
    try:
        parse(document)
    except InvalidRequest as refused:
        return refused.detail
    return None


def allowed_by_schema(document: Any) -> bool:
    return bool(VALIDATOR.is_valid(document))


def test_the_schema_is_one_and_knows_its_name() -> None:
    Draft202012Validator.check_schema(SCHEMA)

    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMA["$id"] == "urn:token-broker:trust-policy:1"


def test_the_schemas_examples_are_policies() -> None:
    assert SCHEMA["examples"]
    for example in SCHEMA["examples"]:
        assert allowed_by_schema(example)
        assert refusal(example) is None


def test_everything_that_an_operator_writes_is_explained() -> None:
    objects = [SCHEMA, *(SCHEMA["$defs"][name] for name in ("sessions", "shop", "proof"))]
    members = [member for each in objects for member in each["properties"].values()]
    explained = [
        SCHEMA["$defs"][member["$ref"].rpartition("/")[2]] | member if "$ref" in member else member
        for member in members
    ]

    assert len(members) == 14
    assert [each for each in explained if not each.get("title") or not each.get("description")] == []


def test_the_schema_names_the_same_operations() -> None:
    assert SCHEMA["properties"]["anonymous"]["items"]["enum"] == list(page_operations())


@pytest.mark.parametrize("document", TAKEN.values(), ids=TAKEN)
def test_the_schema_allows_what_the_parser_takes(document: Any) -> None:
    assert allowed_by_schema(document)


@pytest.mark.parametrize("document", [document for document, _ in REFUSED.values()], ids=REFUSED)
def test_the_schema_refuses_what_the_parser_refuses(document: Any) -> None:
    assert allowed_by_schema(document) == (refusal(document) in UNSAYABLE)


def test_only_three_of_the_refused_documents_are_beyond_the_schema() -> None:
    beyond = [name for name, (document, _) in REFUSED.items() if allowed_by_schema(document)]

    assert beyond == [
        "two proofs of one issuer",
        "two kinds of proof of one issuer",
        "clients with two proofs of one issuer",
    ]


@pytest.mark.parametrize("origin", [*ORIGINS, *NOT_ORIGINS])
def test_the_schema_judges_an_origin_as_the_parser_does(origin: str) -> None:
    assert allowed_by_schema(policy(origins=[origin])) == (origin in ORIGINS)


@pytest.mark.parametrize("uri", [*JWKS_URIS, *NOT_JWKS_URIS])
def test_the_schema_judges_a_jwks_uri_as_the_parser_does(uri: str) -> None:
    assert allowed_by_schema(policy(sessions=sessions(oidc(jwksUri=uri)))) == (uri in JWKS_URIS)


def test_the_schemas_texts_hold_the_same_characters_as_the_parsers() -> None:
    """All of Unicode's first plane, which has all control characters and spaces; halves of pairs are no characters."""
    text, rule = SCHEMA["$defs"]["text"], fields.text(1)
    not_blank, control = re.compile(text["pattern"]), re.compile(text["not"]["pattern"])

    def taken(char: str) -> bool:
        try:
            return bool(rule(char))
        except ValueError:
            return False

    characters = [chr(number) for number in range(0x10000) if not 0xD800 <= number < 0xE000]
    differing = [
        char for char in characters if bool(not_blank.search(char) and not control.search(char)) != taken(char)
    ]
    assert differing == []


# Documents near the border: a good one, in which anything may then be changed.

texts = st.text(min_size=1, max_size=20) | st.sampled_from(
    ["sid", "\u00a0", "x" * 128, "x" * 129, "ü" * 255, "x" * 256]
)
numbers = st.integers() | st.floats(allow_nan=False) | st.sampled_from([2**53, 2**53 + 1, -(2**53), 1e-100, 0.0, -0.0])
origins = st.sampled_from(ORIGINS)
names = st.from_regex(r"[a-z]{1,8}-[0-9]{1,3}", fullmatch=True)
claims = st.dictionaries(names, names | st.booleans() | st.integers(-9, 9), max_size=2)
optional: dict[str, st.SearchStrategy[Any]] = {"sessionClaim": names, "claims": claims}
hs256s = st.fixed_dictionaries({"type": st.just("hs256"), "issuer": names, "audience": names}, optional=optional)
oidcs = st.fixed_dictionaries(
    {"type": st.just("oidc"), "issuer": names, "audience": names, "jwksUri": st.sampled_from(JWKS_URIS)},
    optional=optional,
)
proofs = hs256s | oidcs
owners = st.dictionaries(names, names, min_size=1, max_size=2)
clients = st.fixed_dictionaries(
    {
        "type": st.just("oidc"),
        "issuer": names,
        "audience": names,
        "jwksUri": st.sampled_from(JWKS_URIS),
        "claims": owners,
    }
) | st.fixed_dictionaries({"type": st.just("hs256"), "issuer": names, "audience": names}, optional={"claims": claims})
policies = st.fixed_dictionaries(
    {"version": st.just(1), "origins": st.lists(origins, min_size=1, max_size=3, unique=True)},
    optional={
        "anonymous": st.lists(st.sampled_from(page_operations()), unique=True),
        "sessions": st.fixed_dictionaries(
            {
                "scopes": st.lists(names, min_size=1, max_size=3, unique=True),
                "proofs": st.lists(proofs, min_size=1, max_size=2, unique_by=lambda proof: str(proof["issuer"])),
            }
        ),
        "shop": st.fixed_dictionaries(
            {"proofs": st.lists(clients, min_size=1, max_size=2, unique_by=lambda proof: str(proof["issuer"]))}
        ),
    },
)
anything = st.recursive(
    st.none() | st.booleans() | numbers | texts | origins | proofs,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=4,
)
KNOWN_NAMES = [
    *(
        "version",
        "origins",
        "anonymous",
        "sessions",
        "shop",
        "proofs",
        "scopes",
        "jwksUri",
        "claims",
        "type",
        "aud",
        "x",
    )
]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every member and item in the document, as its container and its name or index."""
    if not isinstance(value, dict | list):
        return []
    inside: list[tuple[Any, Any]] = list(value.items() if isinstance(value, dict) else enumerate(value))
    return [(value, key) for key, _ in inside] + [place for _, each in inside for place in places(each)]


@st.composite
def changed_policies(draw: st.DrawFn) -> Any:
    """Draw a good policy with one to three changes, each anywhere."""
    document = deepcopy(draw(st.sampled_from(list(TAKEN.values())) | policies))
    for _ in range(draw(st.integers(1, 3))):
        if not (found := places(document)):
            break
        container, key = draw(st.sampled_from(found))
        change = draw(st.sampled_from(["replace", "remove", "add", "repeat"]))
        if change == "replace":
            container[key] = draw(anything)
        elif change == "remove":
            del container[key]
        elif isinstance(container, dict):
            container[draw(st.sampled_from(KNOWN_NAMES) | texts)] = (
                deepcopy(container[key]) if change == "repeat" else draw(anything)
            )
        else:
            container.extend(
                [deepcopy(container[key])] * draw(st.integers(1, 20)) if change == "repeat" else [draw(anything)]
            )
    return document


@few
@given(policies)
def test_a_policy_within_the_rules_is_taken_by_both(document: Any) -> None:
    assert allowed_by_schema(document)
    assert refusal(document) is None


@many
@given(changed_policies() | anything)
def test_schema_and_parser_agree_on_a_changed_policy_and_on_anything(document: Any) -> None:
    """Both refuse, both take, or only the parser refuses, for the one reason that it has alone."""
    detail = refusal(document)
    assert detail in {None, *UNSAYABLE} if allowed_by_schema(document) else detail is not None


# Addresses with one character that may be wrong.


@st.composite
def edited(draw: st.DrawFn, addresses_: tuple[str, ...]) -> str:
    """Draw a good address with one character inserted, replaced or removed."""
    text = draw(st.sampled_from(addresses_))
    at = draw(st.integers(0, len(text)))
    put = draw(st.sampled_from(list(".:/@#?%*\\-_[]0149xazAZ \n\x00")) | st.characters() | st.just(""))
    return text[:at] + put + text[at + draw(st.integers(0, 1)) :]


@many
@given(edited(ORIGINS))
def test_schema_and_parser_agree_on_an_origin(origin: str) -> None:
    taken = refusal(policy(origins=[origin])) is None

    assert allowed_by_schema(policy(origins=[origin])) == taken


@many
@given(edited(JWKS_URIS))
def test_schema_and_parser_agree_on_a_jwks_uri(uri: str) -> None:
    document = policy(sessions=sessions(oidc(jwksUri=uri)))

    assert allowed_by_schema(document) == (refusal(document) is None)
