"""Each provider of the registry has its packages and its descriptors. A wrong one is told by file and field."""

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

PROVIDER = ProviderUnderTest(functions=(), secret={'apiKey': 'k'}, live_tokens=lambda merchant, account: [])
"""


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


@pytest.mark.parametrize(
    ("registered", "text", "sentence"),
    [
        ("othercart", None, r"othercart\.py is missing\. It must declare PROVIDER, a ProviderUnderTest"),
        (
            "othercart",
            GOOD.replace("{'apiKey': 'k'}", "'k'"),
            "othercart.py: the field secret of PROVIDER must be",
        ),
        ("chicksx", GOOD, r"othercart\.py is of no provider\. The registry in wiring\.py has chicksx"),
    ],
)
def test_a_wrong_descriptor_is_told_with_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registered: str, text: str | None, sentence: str
) -> None:
    """What a descriptor may be wrong in is in `sandbox/tests/simulators/test_descriptors.py`."""
    package = tmp_path / f"providers_of_{tmp_path.name}"
    package.mkdir()
    (package / "__init__.py").touch()
    if text is not None:
        (package / "othercart.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(StackError, match=sentence):
        tested.providers((registered,), package.name)
