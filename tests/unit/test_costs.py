"""The estimates of docs/explanation/costs.md are those of its command, and the command's arithmetic is right."""

from pathlib import Path

import pytest

from benchmarks.costs import Usage, idle, main, new_sessions, page_requests, report, secrets
from benchmarks.prices import Prices
from tests.unit.repository.pages import ROOT

FREE = Prices(*[0.0] * len(Prices._fields))


def test_the_page_has_what_the_command_prints() -> None:
    assert report(Prices(), Usage()) in (ROOT / "docs/explanation/costs.md").read_text()


def test_each_merchant_pays_for_its_secrets() -> None:
    assert secrets(Prices(secret=0.40), Usage(merchants=200, secrets_each=2)) == {"secrets": pytest.approx(160)}


def test_requests_cost_in_proportion_and_an_idle_stack_costs_the_same() -> None:
    once, twice = Usage(page_requests=1, new_sessions=1), Usage(page_requests=2, new_sessions=2)
    for part in (page_requests, new_sessions):
        assert part(Prices(), twice) == {name: pytest.approx(2 * price) for name, price in part(Prices(), once).items()}
    assert idle(Prices(), once) == idle(Prices(), twice)


def test_a_price_is_for_a_million_and_memory_is_counted_by_the_gigabyte_second() -> None:
    prices = FREE._replace(rest_api=3.5, function_call=0.2, function_second=0.00001)

    assert page_requests(prices, Usage(page_requests=2))["REST API"] == pytest.approx(7)
    # Twice a million calls of 5 ms with 512 MB: 0.40 for the calls, and 5,000 GB-seconds.
    assert page_requests(prices, Usage(page_requests=1))["two functions"] == pytest.approx(0.45)


def test_each_price_and_quantity_is_an_option_and_a_day_needs_measured_times(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit, match="`make bench` writes them"):
        main(["--merchants", "10", "--secret", "0.5", "--figures", str(tmp_path / "none.json")])

    assert "| **together** | **5.00** |" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["-3", "many", "inf", "nan", ""])
def test_what_is_no_amount_is_refused_by_its_name(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([f"--merchants={text}"])

    assert f"argument --merchants: {text!r} is not a number of at least 0" in capsys.readouterr().err
