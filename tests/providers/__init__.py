"""What the tests know of each provider, and of no other.

`tests/providers/{name}.py` declares it as `PROVIDER`. A further provider needs no line in another test.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from sandbox.descriptors import read_descriptor, shown
from sandbox.errors import StackError
from tests.contract.exchanges import Exchange
from tests.deployed_function import Function
from token_broker import wiring
from token_broker.clock import Deadline
from token_broker.http.client import HttpClient
from token_broker.ports.provider import Account

type Fields = dict[str, Any]


class LiveToken(NamedTuple):
    """A token that works at the provider.

    `creation` finds its unfinished creation in the table. It is the partition key of the token's subject, or at a
    provider with titles the intent id in the title. `foreign` tokens are not of our making.
    """

    fingerprint: str
    creation: str | None
    foreign: bool = False


@dataclass(frozen=True, kw_only=True)
class WorkersRights:
    """What the worker's role may touch of a provider: its items by their keys, and its secrets to read and to write."""

    keys: tuple[str, ...]
    secrets: tuple[str, ...]
    sessions: tuple[str, ...]


def _no_settings(_exchange: Exchange) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, kw_only=True)
class ProviderUnderTest:
    """What the tests know of a provider.

    `functions` are as they must be deployed. `secret` is the demo merchant's. `live_tokens` reads the tokens of a
    merchant out of the simulator's account. `pending_work` is there if the worker serves the provider. `settings` are
    the variables under which an exchange is played. `operations` are those in exchanges that are no method of a client.
    `not_sent` are exchanges whose request our client never sends, for example a broken one that shows the refusal.
    """

    functions: tuple[Function, ...]
    secret: Mapping[str, str]
    live_tokens: Callable[[str, Any], Iterable[LiveToken]]
    pending_work: WorkersRights | None = None
    settings: Callable[[Exchange], Mapping[str, str]] = _no_settings
    operations: Mapping[str, Callable[[HttpClient, str, Account, Deadline], tuple[str, Fields]]] = field(
        default_factory=dict
    )
    not_sent: tuple[str, ...] = ()


@cache
def providers(
    names: Sequence[str] = wiring.PROVIDERS, package: str = "tests.providers"
) -> Mapping[str, ProviderUnderTest]:
    """Return what the tests know of each provider of the registry.

    Raises `StackError` with a sentence that names the file, and the field that is missing or wrong.
    """
    [folder] = import_module(package).__path__
    for path in sorted(Path(folder).glob("[!_]*.py")):
        if path.stem not in names:
            raise StackError(f"{shown(path)} is of no provider. The registry in wiring.py has {', '.join(names)}.")
    return {
        name: read_descriptor(Path(folder) / f"{name}.py", f"{package}.{name}", "PROVIDER", ProviderUnderTest)
        for name in names
    }
