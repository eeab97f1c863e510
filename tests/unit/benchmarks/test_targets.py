"""Which targets are met, and what is written of a run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from benchmarks import report
from benchmarks.built_artifacts import Layer
from benchmarks.latency import Latency
from benchmarks.plot import Bar, drawn
from benchmarks.report import tables, write
from benchmarks.results import OURS, USUAL, Results, Start
from benchmarks.targets import Target, missed, oversized, targets, undecided
from benchmarks.warm import Warm

#: INIT, the first invocation, the same at the share, and MiB.
STARTS: Mapping[str, tuple[float, float, float | None, float]] = {
    "usual": (1000, 200, 700, 80),
    "usual-compiled": (400, 80, 240, 80),
    "floor": (90, 10, 20, 20),
    "one-client": (200, 50, 150, 40),
    "shopify-current": (100, 20, 40, 20),
    "shop-authorizer": (70, 10, 20, 20),
    "proof-authorizer": (90, 20, 50, 30),
}
WARM = {"one-line": 100.0, "memory": 110.0, "read": 300.0, "read-botocore": 2000.0}
LATENCY = (Latency("one-line", 8, 10.0, 20.0, 800.0), Latency("shop-token", 8, 10.4, 21.0, 790.0))


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand for the packages of the handlers, which only `make bench` installs."""
    monkeypatch.setattr(report, "versions", lambda: {"python": "3.13.0", "boto3": "1.44.5"})


def results(**changed: Any) -> Results:
    starts = {
        key: Start(key, init, first, at_share, init, peak, 200) for key, (init, first, at_share, peak) in STARTS.items()
    }
    warm = {key: Warm(key, us) for key, us in WARM.items()}
    return Results(11, 0.289, "", starts, warm, LATENCY, errors={}, noise=[], missing=[])._replace(**changed)


def test_each_target_is_a_ratio_of_this_run() -> None:
    found = {each.what: each.ratio for each in targets(results())}

    assert list(found.values()) == pytest.approx([1.2, 0.1, 0.25, 0.4, 0.55, 1.1, 0.15, 0.25, 1.04])


def test_an_authorizer_is_compared_with_boto3_and_one_client_before_their_first_call() -> None:
    slow = results().starts["one-client"]._replace(first_ms=5000.0)

    changed = results(starts={**results().starts, "one-client": slow})

    assert targets(changed) == targets(results())


@pytest.mark.parametrize(
    ("ratio", "met", "problems"), [(1.0, True, 0), (1.01, False, 0), (1.09, False, 0), (1.11, False, 1)]
)
def test_a_target_is_missed_for_good_above_the_room_for_noise(ratio: float, met: bool, problems: int) -> None:
    target = Target("a ÷ b", ratio, 1.0)

    assert target.met is met
    assert len(missed([target])) == problems


def test_a_ratio_that_was_not_measured_has_no_verdict() -> None:
    p50 = targets(results(latency=()))[-1]

    assert (p50.ratio, p50.met, missed([p50])) == (None, None, [])
    assert "not measured" in tables(results(latency=()), [p50])


def test_a_layer_above_nine_mebibytes_is_a_problem_that_names_its_largest_part() -> None:
    assert oversized(Layer(9 * 2**20, (("botocore", 8 * 2**20),))) == []
    assert "botocore with 8.0" in oversized(Layer(9 * 2**20 + 1, (("botocore", 8 * 2**20),)))[0]


def test_a_first_request_is_both_inits_and_both_first_invocations_at_the_share() -> None:
    assert results().first_request(OURS) == (170, 60)
    assert results().first_request(USUAL) == (600, 390)
    assert "230 ms.** The usual pair, compiled, takes 990 ms, so ours takes 0.23 of it" in tables(results(), [])


def test_without_control_groups_a_sentence_stands_in_place_of_the_first_request() -> None:
    starts = {key: each._replace(first_at_share_ms=None) for key, each in results().starts.items()}

    shown = tables(results(starts=starts, unlimited="No control group can be made here."), [])

    assert shown.startswith("A storefront's first request was not measured. No control group can be made here.\n")


def test_a_noisy_machine_withholds_every_verdict(tmp_path: Path) -> None:
    noisy = results(noise=["floor: 1.5 s passed for each second of processor time."])
    write(tmp_path, noisy, targets(noisy))

    document = json.loads((tmp_path / "figures.json").read_text())

    assert document["noisy"] is True
    assert {each["met"] for each in document["targets"]} == {None}
    assert " yes " not in (tmp_path / "table.md").read_text()


def test_the_files_have_the_same_figures(tmp_path: Path) -> None:
    write(tmp_path, results(), targets(results()))

    document = json.loads((tmp_path / "figures.json").read_text())

    assert document["starts"]["floor"]["start_ms"] == 100
    assert document["first_request_ms"] == {"ours": 230, "usual": 990}
    assert [each["met"] for each in document["targets"]] == [True, None, None, *[True] * 6]
    assert "| floor " in (tmp_path / "table.md").read_text()
    assert ">floor<" in (tmp_path / "plot.svg").read_text()


def test_a_picture_is_xml_whatever_a_name_contains() -> None:
    picture = ET.fromstring(drawn("a < b", "c & d", ("INIT", "first"), [Bar("<script>", (3.0, 4.0))]))  # noqa: S314

    texts = [each.text for each in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert {"a < b", "c & d", "<script>", "7"} <= set(texts)


def test_bars_are_as_long_as_their_milliseconds_and_stand_beside_each_other() -> None:
    picture = ET.fromstring(drawn("", "", ("INIT", "first"), [Bar("a", (30.0, 10.0)), Bar("b", (20.0, 0.0))]))  # noqa: S314

    bars = [each for each in picture.iter("{http://www.w3.org/2000/svg}rect") if each.get("height") == "18.0"]
    starts, widths = ([float(str(bar.get(name))) for bar in bars] for name in ("x", "width"))
    assert [width / widths[1] for width in widths] == pytest.approx([3, 1, 2, 0], abs=0.01)
    assert starts[0] + widths[0] == pytest.approx(starts[1], abs=0.11)


def test_a_bound_replaces_the_room_for_noise() -> None:
    assert missed([Target("a ÷ b", 1.3, 1.0, 1.3)]) == []
    assert len(missed([Target("a ÷ b", 1.31, 1.0, 1.3)])) == 1


@pytest.mark.parametrize(("ratio", "met"), [(0.91, None), (0.89, True), (1.11, None), (1.12, False)])
def test_a_target_within_two_standard_errors_is_undecided(ratio: float, met: bool | None) -> None:
    target = Target("a ÷ b", ratio, 1.0, error=0.0525)

    assert target.met is met
    assert len(undecided([target])) == (met is None)
    assert missed([target]) == []
    assert ("undecided" in tables(results(), [target])) == (met is None)


def test_each_ratio_has_the_error_of_its_own_rounds() -> None:
    errors = {"shopify-current ÷ floor": 0.01, "memory ÷ one-line": 0.02, "shop-token ÷ one-line": 0.03}

    found = targets(results(errors=errors))

    assert [each.error for each in found] == [0.01, 0, 0, 0, 0, 0.02, 0, 0, 0.03]
