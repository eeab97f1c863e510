"""What `repr` shows of our own types, in a traceback or a log: no member that can hold a credential or a token's value.

Every named tuple and class with slots of the layer and of the proofs is looked at. One whose members sound like values
fails here until it hides them, or stands in the list with what it holds instead.
"""

import importlib
import pkgutil
import re
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

import proofs
import token_broker
from tests.fakes.samples import token
from token_broker.domain.token import ProviderToken, Token

CANARY = "canary-5e1d"
#: Members by these names may hold a value.
_SOUNDS = re.compile(
    r"token|secret|credential|password|value|body|header|key|jwt|proof|authori[sz]ation|text|payload|signature|data|"
    r"document|answer|record|item$"
)
#: What is shown all the same, by what it is.
SHOWN = {
    "hides itself": {
        *("IdempotentReplay.token", "ListedToken.token", "PendingRevocation.token", "RecordedToken.token"),
        *("RotationReport.token", "SubjectState.token"),
    },
    "a hash or fingerprint": {"LeaseRequest.body_hash", "LeaseRequest.key_id", "PairRecord.refused_secret"},
    "an id or a kind": {f"{kind}.token_{name}" for kind in ("ProviderToken", "Token") for name in ("id", "type")},
    "checked: it repeats no value": {"ProviderToken.provider_data", "Token.provider_data"},
    "a key or a name of an item in the table": {"DueItem.item", "DynamoDocuments.key", "UnreadWork.item"},
    "reads secrets, and shows none": {"Services.secrets"},
    "holds no value": {"PairLease.record"},
    "a policy or settings, which hold no key": {"Revisioned.document", "Sessions.proofs", "StoredPolicy.document"},
    "a name": {"Source.header"},
}


def members(kind: type[Any]) -> tuple[str, ...]:
    """Return the names of what a named tuple or a class with slots holds."""
    found: tuple[str, ...] = getattr(kind, "_fields", vars(kind).get("__slots__", ()))
    return found


def data_classes() -> Iterator[type[Any]]:
    for package in (token_broker, proofs):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for found in vars(importlib.import_module(module.name)).values():
                if isinstance(found, type) and found.__module__ == module.name and members(found):
                    yield found


def shown(kind: type[Any]) -> set[str]:
    names = members(kind)
    if issubclass(kind, tuple):
        made = tuple.__new__(kind, [f"<{name}>" for name in names])
    else:
        made = object.__new__(kind)
        for name in names:
            object.__setattr__(made, name, f"<{name}>")
    text = repr(made)
    return {f"{kind.__qualname__}.{name}" for name in names if f"<{name}>" in text}


def test_no_representation_shows_what_may_be_a_value() -> None:
    kinds = list(data_classes())
    found = {name for kind in kinds for name in shown(kind) if _SOUNDS.search(name.partition(".")[2])}

    assert len(kinds) > 40
    assert found == set().union(*SHOWN.values()), "nothing stays in the list that is not shown any more"


@pytest.mark.parametrize("kind", [Token, ProviderToken])
def test_a_token_does_not_show_its_value(kind: type[Any]) -> None:
    assert f"{kind.__qualname__}.access_token" not in shown(kind)


def test_a_traceback_through_our_types_shows_no_value() -> None:
    """Also one that a debugger or a test writes with its local variables."""

    def fail(held: Token) -> None:
        raise LookupError(f"no such thing beside {held!r}, {[held]}, { ({'x': held}) }")

    with pytest.raises(LookupError) as raised:
        fail(token(access_token=CANARY))

    told = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    text = "".join(told.format())
    assert "held = Token(" in text
    assert CANARY not in text
