"""Read the local stack's paths and the caller's choices from the environment, once.

TOKEN_BROKER_PORT        the emulator's port (default: a free one)
TOKEN_BROKER_STATE_DIR   the folder for the stack's own files (default: .local in the project)
{PROVIDER}_BASE_URL      a provider's address, such as SHOPIFY_BASE_URL. With any of them, no simulator is started.
TOKEN_BROKER_FAULT_PROXY 1 puts the fault proxy between the functions and the emulator
LOOPBACK_JWKS_ORIGIN     the one loopback address that may serve an issuer's keys (default: the simulated issuer)
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.errors import StackError
from sandbox.simulators.descriptor import providers

PROJECT = Path(__file__).resolve().parents[1]
REGION = "us-east-1"
#: To the emulator, this pair is the account's root.
ACCESS_KEY_ID = SECRET_ACCESS_KEY = "test"  # noqa: S105 - no secret, but the emulator's fixed pair


@dataclass(frozen=True)
class Settings:
    """Hold the settings of one local stack. Every path is absolute."""

    state_dir: Path
    port: int | None = None
    base_urls: Mapping[str, str] = field(default_factory=dict)
    loopback_jwks_origin: str = ""
    fault_proxy: bool = False
    local_python: Path = PROJECT / ".venvs/local/bin/python"
    runtime_python: Path = PROJECT / ".venvs/runtime/bin/python"

    @property
    def logs(self) -> Path:
        return self.state_dir / "logs"

    @property
    def scratch(self) -> Path:
        """Return the emulator's TMPDIR, which `down` removes."""
        return self.state_dir / "tmp"

    @property
    def stack_file(self) -> Path:
        return self.state_dir / "stack.json"

    @property
    def state_file(self) -> Path:
        return self.state_dir / "state.json"

    @property
    def uses_simulators(self) -> bool:
        return not self.base_urls


def read_settings(environment: Mapping[str, str], state_dir: Path | None = None) -> Settings:
    """Return the settings.

    Raises `StackError` if the port is invalid, if this Python is not the one that `make` installs, or if a simulator's
    descriptor is wrong.
    """
    if sys.version_info[:2] != (3, 13):
        version = ".".join(map(str, sys.version_info[:2]))
        raise StackError(f"This is Python {version}, but the stack needs 3.13. Start it with `make up`.")
    chosen = state_dir or Path(environment.get("TOKEN_BROKER_STATE_DIR") or PROJECT / ".local")
    return Settings(
        state_dir=chosen.expanduser().absolute(),
        port=_port(environment.get("TOKEN_BROKER_PORT", "")),
        base_urls={
            provider: address
            for provider in providers()
            if (address := environment.get(f"{provider.upper()}_BASE_URL", "").strip())
        },
        loopback_jwks_origin=environment.get("LOOPBACK_JWKS_ORIGIN", "").strip(),
        fault_proxy=environment.get("TOKEN_BROKER_FAULT_PROXY", "").strip() not in ("", "0"),
    )


def _port(text: str) -> int | None:
    if not text.strip():
        return None
    if not text.strip().isdecimal() or not 1 <= int(text) <= 65_535:
        raise StackError(f"TOKEN_BROKER_PORT is {text!r}: it must be a number from 1 to 65535, or unset.")
    return int(text)
