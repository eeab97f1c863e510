"""Select Amazon's own roots from certifi's bundle, for the reads without botocore. The layer's build runs it.

https://www.amazontrust.com/repository/ lists the roots. Each endpoint of AWS in a commercial Region has a certificate
of one of them.
"""

import re
import sys
from pathlib import Path

#: As certifi labels them.
LABELS = (
    *(f"Amazon Root CA {number}" for number in range(1, 5)),
    "Starfield Services Root Certificate Authority - G2",
)
_ROOT = re.compile(
    r'^# Label: "([^"]*)"$.*?^(-----BEGIN CERTIFICATE-----$.*?^-----END CERTIFICATE-----$)', re.MULTILINE | re.DOTALL
)


def main(packages: Path) -> None:
    """Write the roots beside the module that trusts them. Raises `SystemExit` if one is missing."""
    found = dict(_ROOT.findall((packages / "certifi" / "cacert.pem").read_text(encoding="ascii", errors="replace")))
    missing = [label for label in LABELS if label not in found]
    if missing:
        raise SystemExit(f"certifi has no root named {', '.join(missing)}. See layers/token_broker/amazon_roots.py.")
    text = "".join(f"{found[label]}\n" for label in LABELS)
    (packages / "token_broker" / "aws" / "fast_reads" / "amazon_roots.pem").write_text(text, encoding="ascii")


main(Path(sys.argv[1]))
