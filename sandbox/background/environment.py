"""Build the environments of the stack's processes.

None of them contains anything of the caller's AWS account.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from sandbox.settings import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, Settings

_LOOPBACK = "127.0.0.1,localhost,::1"
_DROPPED = ("AWS_", "SAM_CLI_", "PYTHON", "VIRTUAL_ENV", "GATEWAY_", "MINISTACK_", "LOCALSTACK_", "LAMBDA_")
#: For addresses beyond this machine, which functions do not call here. With them, botocore would do every read.
_BEYOND = ("http_proxy", "https_proxy", "all_proxy", "requests_ca_bundle", "curl_ca_bundle")


def base(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the caller's environment without the variables that would change the stack's behavior."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_DROPPED)}
    ours = {"NO_PROXY": _LOOPBACK, "no_proxy": _LOOPBACK, "PYTHONDONTWRITEBYTECODE": "1"}
    return {**kept, **ours, **(extra or {})}


def emulator(settings: Settings, port: int, functions_endpoint: str | None = None) -> dict[str, str]:
    """Return the environment of the emulator and of the functions, which inherit it.

    It does not use the caller's proxy or certificates. `functions_endpoint` is the functions' AWS endpoint, if it is
    not the emulator.
    """
    inherited = {name: value for name, value in base().items() if name.lower() not in _BEYOND}
    if functions_endpoint:
        inherited["AWS_ENDPOINT_URL"] = functions_endpoint
    return inherited | {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        # Signatures and the functions' roles are enforced.
        "AUTH": "true",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "MINISTACK_REGION": REGION,
        "PERSIST_STATE": "0",
        # The emulator leaves folders in its temporary folder.
        "TMPDIR": str(settings.scratch),
        "STATE_DIR": str(settings.scratch / "state"),
        "S3_DATA_DIR": str(settings.scratch / "s3"),
    }


def sam(folder: Path, endpoint: str | None = None) -> dict[str, str]:
    """Return the environment of the SAM CLI, with its own settings folder."""
    chosen = {
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "1",
        "__SAM_CLI_APP_DIR": str(folder),
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_COLOR": "1",
    }
    return base(chosen | ({"AWS_ENDPOINT_URL": endpoint} if endpoint else {}))
