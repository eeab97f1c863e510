"""Write a software bill of materials (SBOM) for each artifact that ships packages: `make sbom`.

The format is CycloneDX 1.6, which scanners of companies read. `tests/artifacts/test_bill_of_materials.py` compares it
with what is built.
"""

import subprocess
from pathlib import Path

from audit.packages import artifacts
from audit.tools import PYTHON
from sandbox.background import environment
from sandbox.settings import PROJECT

FOLDER = PROJECT / ".local/sbom"
#: The same packages give the same file.
_OPTIONS = ("--schema-version", "1.6", "--output-reproducible", "--mc-type", "library", "--pyproject", "pyproject.toml")


def write(folder: Path) -> dict[str, Path]:
    """Write the files to `folder`, and return each artifact's."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for name, requirements in artifacts():
        file = written[name] = folder / f"{name}.cdx.json"
        command = [PYTHON, "-W", "ignore", "-m", "cyclonedx_py", "requirements", str(requirements)]
        # It warns that the file does not say which package needs which. A list of pins does not say so.
        subprocess.run([*command, *_OPTIONS, "--outfile", str(file)], cwd=PROJECT, env=environment.base(), check=True)
    return written


if __name__ == "__main__":
    for path in write(FOLDER).values():
        print(path.relative_to(PROJECT))
