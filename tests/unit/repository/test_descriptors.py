"""Each provider of the registry has its packages and its descriptors. A wrong one is told by file and field."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.errors import StackError
from sandbox.simulators import descriptor
from tests import providers as tested
from token_broker import wiring
from token_broker.ports.provider import Profile

ROOT = Path(__file__).resolve().parents[3]
GOOD = """
from tests.providers import ProviderUnderTest

PROVIDER = ProviderUnderTest(functions=(), secret={"apiKey": "k"}, live_tokens=lambda merchant, account: [])
"""

type Read = Callable[..., object]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Read a package of descriptors that has one file, for a registry of one provider."""

    def package_with(text: str | None, registered: str = "othercart") -> object:
        package = tmp_path / f"providers_of_{tmp_path.name}"
        package.mkdir()
        (package / "__init__.py").touch()
        if text is not None:
            (package / "othercart.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        return tested.providers((registered,), package.name)

    return package_with


def test_the_registry_has_every_provider_with_its_profile() -> None:
    packages = ROOT / "layers/token_broker/token_broker/providers"

    assert sorted(path.parent.name for path in packages.glob("*/__init__.py")) == sorted(wiring.PROVIDERS)
    assert [each.name for each in wiring.profiles()] == list(wiring.PROVIDERS)
    assert {type(each) for each in wiring.profiles()} == {Profile}


def test_every_provider_has_its_maker_and_its_simulator_and_its_descriptor() -> None:
    assert {getattr(wiring, name)().name for name in wiring.PROVIDERS} == set(wiring.PROVIDERS)
    assert set(descriptor.providers()) == set(tested.providers()) == set(wiring.PROVIDERS)


def test_the_worker_has_rights_to_the_providers_with_pending_work() -> None:
    working = {each.name for each in wiring.profiles() if each.capabilities.has_pending_work}

    assert {name for name, each in tested.providers().items() if each.pending_work} == working


def test_a_good_descriptor_is_read(read: Read) -> None:
    assert read(GOOD)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, r"othercart\.py is missing\. It must declare PROVIDER, a ProviderUnderTest"),
        (GOOD.replace("functions=(), ", ""), r"othercart\.py cannot be imported\..*missing.*'functions'"),
        (
            GOOD.replace("functions=()", "functions=(1,)"),
            r"othercart\.py: the field functions of PROVIDER must be tuple",
        ),
        (GOOD.replace('{"apiKey": "k"}', "'k'"), r"othercart\.py: the field secret of PROVIDER must be .*Mapping"),
        (GOOD.replace("account: []", "account: [], pending_work=1"), r"the field pending_work of PROVIDER must be"),
    ],
)
def test_a_wrong_descriptor_is_told_with_its_file_and_its_field(read: Read, text: str | None, sentence: str) -> None:
    with pytest.raises(StackError, match=sentence):
        read(text)


def test_a_descriptor_of_no_provider_is_told(read: Read) -> None:
    with pytest.raises(StackError, match=r"othercart\.py is of no provider\. The registry in wiring\.py has chicksx"):
        read(GOOD, "chicksx")
