"""Create clients of the emulated AWS."""

from typing import Any

import boto3
from botocore.config import Config

from sandbox.settings import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY


class LocalAws:
    """Create clients that sign as the local account's root and time out within seconds."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._session = boto3.Session(ACCESS_KEY_ID, SECRET_ACCESS_KEY, region_name=REGION)
        self._config = Config(
            connect_timeout=5,
            read_timeout=30,
            retries={"total_max_attempts": 3, "mode": "standard"},
            # Calls between two loopback addresses need no proxy.
            proxies={},
        )

    def client(self, service: Any) -> Any:
        """Return a boto3 client of the named service."""
        return self._session.client(service, endpoint_url=self.endpoint, config=self._config)
