"""A simulated day counts what can be computed by hand, and prices it as the estimates of a month do."""

import json
from math import nan
from pathlib import Path
from typing import Any

import pytest

from benchmarks import day_costs
from benchmarks.costs import Usage, main, new_sessions, page_requests
from benchmarks.day import Assumptions, Day, simulate
from benchmarks.day_costs import price
from benchmarks.measured_times import FiguresError, Handler, Mint, Work, read_figures, stretched
from benchmarks.prices import Prices
from benchmarks.traffic import DAY, MERCHANTS, SALE_MERCHANT, Request, Traffic, session, traffic

NO_WAITS = Assumptions(table=0, provider=0, longest=DAY)
#: A function that caches for 30 s, one that never does, and handlers of two such functions.
CACHING = Work(init=100, first=20, cached=1, reading=3, fresh_for=30)
READING = Work(init=400, first=50, cached=5, reading=5, fresh_for=0)
OURS = Handler("ours", (CACHING, CACHING), (CACHING, CACHING._replace(fresh_for=0)), Mint(first=70, later=7))
USUAL = Handler("usual", (READING, READING), (READING, READING), Mint(first=70, later=7))


def every(seconds: int) -> list[Request]:
    """Return a day of one merchant's requests, evenly spread."""
    return [Request(at, merchant=1) for at in range(0, int(DAY), seconds)]


def test_evenly_spread_requests_of_one_merchant_are_as_computed_by_hand() -> None:
    day = simulate(OURS, every(20), NO_WAITS)

    # 4,320 requests, each to two functions. Every second one finds an item that is younger than 30 s.
    assert (day.requests, day.cold_starts, day.reads, day.cached) == (4320, 2, 2 * 2160, 2160)
    assert (day.p50, day.p95, day.p99) == (2, 6, 6)
    # Two starts, 2,159 further calls with a read, and 2,160 without.
    assert day.billed_seconds == pytest.approx(2 * (0.120 + 2159 * 0.003 + 2160 * 0.001))
    assert day.traced == 4320


def test_the_usual_functions_read_in_each_call() -> None:
    day = simulate(USUAL, every(20), NO_WAITS)

    assert (day.cold_starts, day.reads, day.cached) == (2, 2 * 4320, 0)


def test_calls_that_all_take_five_milliseconds_cost_what_the_estimate_of_a_month_says() -> None:
    started = Handler("", (READING._replace(init=0, first=5),) * 2, USUAL.session, USUAL.mint)

    day = simulate(started, every(20), NO_WAITS)

    estimate = page_requests(Prices(), Usage(page_requests=0.00432, traced=1))
    assert price(Prices(), day) == {
        **{name: pytest.approx(dollars) for name, dollars in estimate.items()},
        "new tokens": 0,
    }


def test_new_tokens_cost_what_the_estimate_of_a_month_says() -> None:
    counts = Day(1_000_000, 1_000_000, 0, 0, 1_000_000, billed_seconds=510_000, traced=600_000, p50=0, p95=0, p99=0)

    assert sum(price(Prices(), counts).values()) == pytest.approx(sum(new_sessions(Prices(), Usage()).values()))


def test_an_environment_that_was_idle_for_too_long_is_not_used_again() -> None:
    assert simulate(OURS, every(299), NO_WAITS).cold_starts == 2
    assert simulate(OURS, every(301), NO_WAITS).cold_starts == 2 * len(every(301))


def test_an_environment_ends_after_some_hours_though_it_is_used() -> None:
    assert simulate(OURS, every(60), NO_WAITS._replace(longest=6 * 3600)).cold_starts == 2 * 4


def test_calls_at_the_same_time_need_environments_of_their_own_with_caches_of_their_own() -> None:
    day = simulate(OURS, [Request(0, 1), Request(0.01, 1), Request(5, 1), Request(5.0001, 1)], NO_WAITS)

    assert (day.cold_starts, day.reads, day.cached) == (4, 4, 2)
    # The first request of each second is traced, and 5 % of the others.
    assert day.traced == pytest.approx(2 + 2 * 0.05)


def test_a_function_is_called_when_its_authorizer_has_answered() -> None:
    # The third authorizer starts. Meanwhile the function serves the fourth request, and then has the third one's item.
    day = simulate(OURS, [Request(0, 1), Request(5, 1), Request(5.0005, 1), Request(5.003, 1)], NO_WAITS)

    assert (day.cold_starts, day.reads, day.cached) == (3, 3, 2)


def test_the_environment_that_was_used_last_serves_the_next_call() -> None:
    # Two environments exist. One of them serves all further calls, and the other one ends unused.
    alone = [Request(100.0 * number, 1) for number in range(1, 5)]
    day = simulate(OURS, [Request(0, 1), Request(0.01, 1), *alone, Request(400.0001, 1)], NO_WAITS)

    # The last authorizer call is a cold start. When it has ended, the function's environment is free again.
    assert day.cold_starts == 4 + 1


def test_a_session_is_read_each_time_and_waits_are_billed_but_no_work_of_the_function() -> None:
    assumed = Assumptions(table=10, provider=500)
    day = simulate(OURS, [Request(0, 1, session=True, mints=True), Request(5, 1, session=True, mints=True)], assumed)

    # The authorizer has the policy the second time. The function reads twice and writes three times for each token.
    assert (day.reads, day.mints, day.cached) == (3, 2, 0)
    assert (day.p50, day.p99) == (1 + 3 + 7, 120 + 120 + 70)
    assert day.billed_seconds == pytest.approx((310 + 11 + 3 * 10 + 2 * (500 + 3 * 10)) / 1000)


def test_each_begun_millisecond_of_a_call_is_billed() -> None:
    short = OURS._replace(shop=(CACHING._replace(init=0, first=0.2), CACHING._replace(init=0, first=1.2)))

    assert simulate(short, [Request(0, 1)], NO_WAITS).billed_seconds == pytest.approx(0.003)


def test_a_session_gets_a_token_at_first_and_after_the_expiry() -> None:
    assert [(request.at, request.mints) for request in session(0, 1)] == [(0, True), (300, False), (2400, True)]
    assert [request.at for request in session(DAY - 1000, 1)] == [DAY - 1000, DAY - 700]


def test_a_seed_makes_the_same_days_for_all_merchants_in_the_order_of_time() -> None:
    days = list(traffic())

    assert next(traffic()) == days[0]
    for day in days:
        times = [request.at for request in day.requests]
        assert times == sorted(times)
        assert 0 <= times[0] <= times[-1] < DAY
        assert {request.merchant for request in day.requests} <= set(range(MERCHANTS))
    quiet, shops, sale = (day.requests for day in days)
    hours = [sum(request.at // 3600 == hour for request in shops) for hour in (8, 20)]
    assert hours[1] == pytest.approx(9 * hours[0], rel=0.2)
    first, second = (sum(request.merchant == rank for request in shops) for rank in (0, 1))
    assert first == pytest.approx(2 * second, rel=0.1)
    burst = [
        request for request in sale if request.merchant == SALE_MERCHANT and 18 * 3600 <= request.at < 18 * 3600 + 600
    ]
    assert len(burst) == pytest.approx(48_000, rel=0.05)
    assert len(quiet) == pytest.approx(1_000, rel=0.2)


@pytest.mark.parametrize(("took", "expected"), [(3, 3), (9.9, 9.9), (25, 45), (100, 200)])
def test_work_beyond_the_share_waits_for_the_next_period(took: float, expected: float) -> None:
    assert stretched(took, share=0.5) == pytest.approx(expected)


def figures(**changed: Any) -> dict[str, Any]:
    """Return a document as `make bench` writes it, made up."""
    starts: dict[str, dict[str, float | None]] = {
        key: {"init_ms": 100, "first_ms": 8, "first_at_share_ms": 16}
        for key in ("usual", "usual-compiled", "one-client", "shopify-current", "shop-authorizer", "proof-authorizer")
    }
    starts["chicksx-current"] = {"init_ms": 100, "first_ms": 8, "first_at_share_ms": None}
    starts["chicksx-minted"] = {"init_ms": 100, "first_ms": 33, "first_at_share_ms": None}
    warm = {"one-line": {"us": 200}, "memory": {"us": 100}, "read": {"us": 400}, "read-botocore": {"us": 1600}}
    return {"measured": "2026-11-29", "noisy": False, "share": 0.5, "starts": starts, "warm": warm, **changed}


def written(folder: Path, document: Any) -> Path:
    """Return a file with the document."""
    path = folder / "figures.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_times_are_those_measured_at_the_share_or_computed_for_it(tmp_path: Path) -> None:
    ours, compiled, deployed = read_figures(written(tmp_path, figures())).handlers

    assert ours.shop == (Work(100, 16, 0.1, 0.5, 30),) * 2
    # 8 ms fit into the half of a period. The 25 ms of a new token's modules do not.
    assert ours.session[1] == Work(100, 8, 0.1, 0.5, 0)
    assert list(ours.mint) == list(compiled.mint) == [pytest.approx(45), pytest.approx(4.8)]
    assert deployed.shop == (Work(100, 16, 1.8, 1.8, 0),) * 2


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ("<html>", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ([], "no time share"),
        (figures(share=0), "no share of a processor"),
        (figures(share=1e-300), "no share of a processor"),
        (figures(starts={}), "no time starts.chicksx-current.first_ms: run `make bench`"),
        (figures(warm={"memory": {"us": "fast"}}), "no time warm.read-botocore.us"),
        *(
            (figures(warm={"read-botocore": {"us": number}}), "no time warm.read-botocore.us")
            for number in (-1, nan, 1e300, 10**400)
        ),
    ],
)
def test_figures_that_lack_a_time_are_refused_by_its_name(document: Any, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(FiguresError, match=sentence):
        read_figures(written(tmp_path, document))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(FiguresError, match=r"cannot be read: Is a directory\.$"):
        read_figures(tmp_path)


def test_the_command_compares_ours_with_the_usual_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(day_costs, "traffic", lambda: [Traffic("Few", every(400))])
    document = figures(noisy=True)
    document["starts"]["usual"]["init_ms"] = 1000

    main(["--figures", str(written(tmp_path, document))])

    tables = capsys.readouterr().out.partition("A day of 1,000 merchants")[2]
    assert "2026-11-29. The machine was busy then." in tables
    assert "**Few**: 216 requests, 0 new tokens." in tables
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in tables.splitlines() if line.startswith("|")]
    ours, compiled, deployed = rows[2:]
    assert [row[:4] for row in (ours, compiled, deployed)] == [
        [name, "432", "0%", "432"] for name in ("ours", "usual, compiled", "usual, as deployed")
    ]
    # Only the start differs: 232 and 1,132 ms in a row.
    assert [ours[4], compiled[4], deployed[4]] == ["232", "232", "1,132"]
    assert [row[9] for row in (ours, compiled)] == ["1.00", "1.00"]
    assert float(deployed[11]) < float(deployed[9]) < 1
