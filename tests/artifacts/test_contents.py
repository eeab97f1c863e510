"""What ships, held by lists: a file or package that joins it fails a test, and its reviewer adds a line here."""

import importlib.util
import marshal
import re
import ssl
import subprocess
import sys
from pathlib import Path
from types import CodeType

import pytest

from sandbox.settings import PROJECT
from sandbox.stack.build import AWS, THIS_MACHINE
from tests.artifacts.built import BUILD, FUNCTIONS, LAYER, bytes_of, files, folder_of

PROOFS = "storefronts/proof_authorizer"
#: Bytes, unzipped.
LARGEST_LAYER = 9 * 2**20
LARGEST_FUNCTION = 16 * 2**10
#: Nearly all of it is cryptography's compiled library.
LARGEST_PROOF_AUTHORIZER = 20 * 2**20

OURS = "token_broker"
LAYER_PACKAGES = {
    *(OURS, "aws_lambda_powertools", "certifi", "charset_normalizer", "idna", "jmespath", "requests"),
    *("typing_extensions", "urllib3"),
}
PROOF_PACKAGES = {"proofs", "cffi", "cryptography", "jwt", "pycparser"}
PROOF_DISTRIBUTIONS = {"cffi", "cryptography", "pycparser", "pyjwt"}
#: The files that are neither Python nor package metadata, by their path in the artifact.
ROOTS = "token_broker/aws/fast_reads/amazon_roots.pem"
LAYER_DATA = {"certifi/cacert.pem", "urllib3/contrib/emscripten/emscripten_fetch_worker.js", ROOTS}
PROOF_DATA = {
    *(f"cffi/{name}.h" for name in ("_cffi_errors", "_cffi_include", "_embedding", "parse_c_type")),
    "pycparser/_c_ast.cfg",
}
PROOF_COMPILED = {"_cffi_backend.cpython-313", "cryptography/hazmat/bindings/_rust.abi3"}
#: Hints for type checkers; they weigh little.
_TYPES = {"py.typed"}

#: PEP 552: the second word of a .pyc. Bit 0: by hash, not by time; bit 1: the source is read and compared at import.
_UNCHECKED_HASH = (1).to_bytes(4, "little")
_DISTRIBUTION = re.compile(r"(?P<name>[a-z0-9_]+)-[0-9][^/]*\.dist-info")

#: What `make` builds, by the place where Lambda unpacks it.
COMPILED = {"/opt": LAYER, "/var/task": folder_of(PROOFS)}


def top_level(folder: Path) -> tuple[set[str], set[str]]:
    """Return the packages and modules of a folder, and the distributions that the folder describes."""
    names = {path.name for path in folder.iterdir()} - {"__pycache__"}
    described = {name: match["name"] for name in names if (match := _DISTRIBUTION.fullmatch(name))}
    return {name.partition(".")[0] for name in names - set(described)}, set(described.values())


def not_python(folder: Path) -> set[str]:
    """Files that are no module, no bytecode, and not about a package."""
    return {
        path.as_posix()
        for path in files(folder)
        if path.suffix not in {".py", ".pyc", ".pyi"}
        and path.name not in _TYPES
        and not _DISTRIBUTION.fullmatch(path.parts[0])
    }


def test_everything_that_is_built_is_known() -> None:
    folders = {path.name for path in BUILD.iterdir() if path.is_dir()}

    assert folders == {LAYER.name, *(folder_of(function).name for function in FUNCTIONS)}


def test_the_builds_share_no_list_of_what_is_built() -> None:
    """SAM puts it beside the build folder. With one list, a build keeps an old layer that the other has renewed."""
    assert AWS.folder.parent != THIS_MACHINE.folder.parent


def test_the_layer_holds_these_packages_and_data_and_keeps_to_its_size() -> None:
    packages, distributions = top_level(LAYER / "python")

    assert packages == LAYER_PACKAGES
    assert distributions == LAYER_PACKAGES - {OURS}
    assert {path.name for path in LAYER.iterdir()} == {"python"}
    assert not_python(LAYER / "python") == LAYER_DATA
    assert bytes_of(LAYER) <= LARGEST_LAYER


def test_the_layer_holds_our_package_as_it_is_in_the_source_and_nothing_beside_it() -> None:
    source = PROJECT / "layers/token_broker/token_broker"
    wanted = {path.relative_to(source) for path in source.rglob("*.py")}

    built = {path for path in files(LAYER / "python" / OURS) if path.suffix != ".pyc"}

    assert {Path(OURS) / path for path in built - wanted} == {Path(ROOTS)}
    assert wanted <= built
    assert all((LAYER / "python" / OURS / path).read_bytes() == (source / path).read_bytes() for path in wanted)


def test_the_roots_of_the_fast_reads_are_five_of_amazons_and_are_certifis_too() -> None:
    """Fewer issuers are trusted than by certifi's bundle, and no other one."""
    ours, certifis = (trusting(LAYER / "python" / file) for file in (ROOTS, "certifi/cacert.pem"))
    subjects = sorted(str(each["subject"]) for each in ours.get_ca_certs())
    names = [
        *(f"Amazon Root CA {number}" for number in range(1, 5)),
        "Starfield Services Root Certificate Authority - G2",
    ]

    assert len(subjects) == len(names)
    assert all(f"(('commonName', '{name}'),)" in subject for name, subject in zip(names, subjects, strict=True))
    assert set(ours.get_ca_certs(binary_form=True)) <= set(certifis.get_ca_certs(binary_form=True))


def trusting(roots: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=roots)
    return context


@pytest.mark.parametrize("missing", [*range(1, 5), "Starfield"])
def test_a_root_that_certifi_has_no_more_fails_the_build(missing: int | str, tmp_path: Path) -> None:
    bundle = (LAYER / "python/certifi/cacert.pem").read_text(encoding="ascii", errors="replace")
    label = "Starfield Services" if missing == "Starfield" else f"Amazon Root CA {missing}"
    (tmp_path / "certifi").mkdir()
    (tmp_path / "token_broker/aws/fast_reads").mkdir(parents=True)
    (tmp_path / "certifi/cacert.pem").write_text(bundle.replace(f'# Label: "{label}', '# Label: "Another'))

    script = PROJECT / "layers/token_broker/amazon_roots.py"
    ran = subprocess.run([sys.executable, script, tmp_path], check=False, capture_output=True, text=True)

    assert ran.returncode == 1
    assert label in ran.stderr
    assert not (tmp_path / ROOTS).exists()


@pytest.mark.parametrize("function", [each for each in FUNCTIONS if each != PROOFS])
def test_any_other_function_is_its_one_file(function: str) -> None:
    assert {path.as_posix() for path in files(folder_of(function))} == {"app.py"}
    assert (folder_of(function) / "app.py").read_bytes() == (PROJECT / "functions" / function / "app.py").read_bytes()
    assert bytes_of(folder_of(function)) <= LARGEST_FUNCTION


def test_the_proof_authorizer_brings_these_packages() -> None:
    packages, distributions = top_level(folder_of(PROOFS))
    source = PROJECT / "functions" / PROOFS / "proofs"

    assert packages == PROOF_PACKAGES | {"app", "_cffi_backend"}
    assert distributions == PROOF_DISTRIBUTIONS
    assert {path for path in files(folder_of(PROOFS) / "proofs") if path.suffix != ".pyc"} == {
        path.relative_to(source) for path in source.rglob("*.py")
    }


def test_the_proof_authorizer_holds_this_data_and_keeps_to_its_size() -> None:
    others = not_python(folder_of(PROOFS))
    compiled = {name for name in others if name.endswith(".so")}

    assert others - compiled == PROOF_DATA
    # Behind this, the names of the compiled ones tell the processor.
    assert len(compiled) == len(PROOF_COMPILED)
    assert all(name.startswith(tuple(PROOF_COMPILED)) for name in compiled)
    assert bytes_of(folder_of(PROOFS)) <= LARGEST_PROOF_AUTHORIZER


@pytest.mark.parametrize("place", COMPILED)
def test_each_module_has_bytecode_that_python_uses_without_a_check(place: str) -> None:
    """Bytecode that is older than its source would run instead of it. Lambda cannot store missing bytecode."""
    folder = COMPILED[place]
    modules = {path for path in files(folder) if path.suffix == ".py"}
    compiled = {path: path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc" for path in modules}

    assert {path for path in files(folder) if path.suffix == ".pyc"} == set(compiled.values())
    for path, bytecode in compiled.items():
        octets = (folder / bytecode).read_bytes()
        assert octets[:8] == importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH, path
        assert octets[8:16] == importlib.util.source_hash((folder / path).read_bytes()), path
        code = marshal.loads(octets[16:])  # noqa: S302  # what was just built here
        assert isinstance(code, CodeType)
        assert code.co_filename == f"{place}/{path.as_posix()}"


def test_no_file_names_a_place_on_the_machine_that_built_it() -> None:
    here = str(PROJECT).encode()
    paths = [folder / path for folder in (LAYER, *map(folder_of, FUNCTIONS)) for path in files(folder)]

    assert [path for path in paths if path.is_symlink() or here in path.read_bytes()] == []
