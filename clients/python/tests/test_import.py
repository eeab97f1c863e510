"""What importing the client costs."""

import os
import subprocess
import sys

SCRIPT = """
import sys
import botocore.loaders
asked = []
plain = botocore.loaders.Loader.load_service_model
botocore.loaders.Loader.load_service_model = lambda self, service, kind, *rest: (
    asked.append((service, kind)) or plain(self, service, kind, *rest)
)
from token_broker_client import TokenBroker
import botocore.session
session = botocore.session.Session()
session.set_credentials("a", "b")
broker = TokenBroker.at("http://127.0.0.1:9/v1", session=session, region="eu-central-1", attempts=1)
try:
    broker.merchant("acme").shopify.current()
except Exception as error:
    assert type(error).__name__ == "ConnectionFailed", error
heavy = ("asyncio", "boto3", "requests")
print(asked, sorted(each for each in sys.modules if each in heavy))
"""


def test_the_api_transport_loads_no_service_model() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, env=environment)
    assert ran.stdout == "[] []\n"
