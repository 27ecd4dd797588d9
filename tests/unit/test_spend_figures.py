"""Which model a rest belongs to, what drove a change, and tables as CSV."""

from __future__ import annotations

from decimal import Decimal

import pytest

from litellm_steward.api.activity import Day
from litellm_steward.errors import NotFound
from litellm_steward.periods import resolve_period
from litellm_steward.reports import KEPT, Reports, as_csv
from litellm_steward.spending import _can_be_asked
from litellm_steward.tools.spend import _comparison
from litellm_steward.usage.changes import Change, Changes, what_changed
from litellm_steward.usage.company import Dimension, Spend
from litellm_steward.usage.figures import Figures, total
from litellm_steward.usage.models import NO_MODEL, NO_PROVIDER, NOT_KNOWN, models_of, providers_of
from litellm_steward.usage.report import Breakdown, Group, ranked

TODAY = resolve_period("today", None, None)


def metrics(spend: float = 0, tokens: int = 0, good: int = 0, bad: int = 0) -> dict[str, float]:
    return {
        "spend": spend,
        "prompt_tokens": tokens,
        "total_tokens": tokens,
        "api_requests": good + bad,
        "successful_requests": good,
        "failed_requests": bad,
    }


def day(whole: dict[str, float], models: dict[str, dict[str, float]], groups: dict[str, dict[str, float]]) -> Day:
    breakdown = {
        "models": {name: {"metrics": m} for name, m in models.items()},
        "model_groups": {name: {"metrics": m} for name, m in groups.items()},
    }
    return Day.model_validate({"date": "2026-11-21", "metrics": whole, "breakdown": breakdown})


def test_groups_that_cover_the_day_are_the_answer() -> None:
    both = metrics(1.5, 300, 3)
    found = models_of(day(both, {"openai/gpt-4o": both}, {"gpt-4o": both}))
    assert set(found) == {"gpt-4o"}


def test_a_rest_is_named_by_the_provider_models_that_make_it_up() -> None:
    good, bad = metrics(1.5, 300, 3), metrics(bad=2)
    found = models_of(day(metrics(1.5, 300, 3, 2), {"openai/gpt-4o": good, "gpt-imaginary": bad}, {"gpt-4o": good}))
    assert found["gpt-imaginary"].failed_requests == 2
    assert found["gpt-4o"].spend == Decimal("1.5")


def test_rows_without_any_model_are_what_the_provider_models_leave() -> None:
    good = metrics(1.5, 300, 3)
    found = models_of(day(metrics(1.75, 400, 4), {"openai/gpt-4o": good}, {"gpt-4o": good}))
    assert found[NO_MODEL].total_tokens == 100
    assert found[NO_MODEL].spend == Decimal("0.25")


def test_an_ambiguous_rest_is_not_guessed_at() -> None:
    """Two provider models failed once each; only one of them has a group, and nothing tells which."""
    good, once = metrics(1.5, 300, 3), metrics(bad=1)
    whole = metrics(1.5, 300, 3, 2)
    found = models_of(day(whole, {"openai/gpt-4o": good, "a": once, "b": once}, {"gpt-4o": good, "public": once}))
    assert found[NOT_KNOWN].failed_requests == 1
    assert total(found.values()).failed_requests == 2, "it still adds up"


def spend(rows: dict[str, float], *, unlisted: int = 0, rest: float = 0) -> Spend:
    groups = ranked(Group(name, Figures(spend=Decimal(str(usd))), ref=name) for name, usd in rows.items())
    whole = Figures(spend=sum((g.figures.spend for g in groups), Decimal(str(rest))))
    return Spend(TODAY, whole, Breakdown(groups, unlisted), ("/x",))


@pytest.mark.asyncio
async def test_what_drove_a_change_adds_up_to_it() -> None:
    changes = await what_changed(spend({"a": 1, "b": 5, "c": 2}), spend({"a": 4, "b": 1, "d": 1}), 2, None)
    assert [(c.name, c.spend) for c in changes.largest] == [("b", Decimal(-4)), ("a", Decimal(3))]
    assert changes.rest == Decimal(-1)
    assert changes.others == 2


@pytest.mark.asyncio
async def test_a_group_that_one_list_cuts_off_is_looked_up_not_taken_for_zero() -> None:
    asked: list[str] = []

    async def lookup(ref: str, _: Spend) -> Figures:
        asked.append(ref)
        return Figures(spend=Decimal("0.9"))

    before = spend({"big": 9, "mid": 1}, unlisted=5, rest=2)
    after = spend({"big": 9, "new": 3}, unlisted=5, rest=2)
    changes = await what_changed(before, after, 3, lookup)
    assert sorted(asked) == ["mid", "new"]
    assert {c.name: c.spend for c in changes.largest} == {"new": Decimal("2.1"), "mid": Decimal("-0.1")}
    assert changes.notes, "what neither list shows is bounded in words"


def test_a_csv_cannot_be_a_formula() -> None:
    assert as_csv(["name"], [["=cmd()"], ["+1"], [-1.5], ["plain, with comma"]]).splitlines() == [
        '"name"', '"\'=cmd()"', '"\'+1"', "-1.5", '"plain, with comma"',
    ]  # fmt: skip


@pytest.mark.parametrize("separator", ["", ";", ",", "\t", "|", '";"', "; ", "\n"])
@pytest.mark.parametrize("sign", "=+-@＝＋－＠")
def test_no_separator_and_no_wide_sign_makes_a_formula(separator: str, sign: str) -> None:
    """Which character separates cells depends on the country of the reader's spreadsheet."""
    (line,) = as_csv(["h"], [[f"{'Sales' if separator else ''}{separator}{sign}HYPERLINK(1)"]]).split("\r\n")[1:-1]
    before, _, _ = line.partition(sign)
    assert before.endswith("'")
    assert as_csv(["h"], [["a-b"]]).endswith('"a-b"\r\n'), "a sign inside a name is a sign"


def test_only_the_last_reports_are_kept() -> None:
    reports = Reports()
    first = reports.keep("first").rpartition("/")[2]
    for number in range(KEPT):
        reports.keep(str(number))
    with pytest.raises(NotFound, match="ask for it again"):
        reports.read(first)


def test_what_has_no_provider_is_a_row_of_its_own() -> None:
    """LiteLLM calls it ``unknown``; a rest that no provider covers belongs there too."""
    rows = day(metrics(1.75, 400, 4, 1), {}, {}).model_dump()
    rows["breakdown"]["providers"] = {
        "openai": {"metrics": metrics(1.5, 300, 3)},
        "unknown": {"metrics": metrics(bad=1)},
    }
    found = providers_of(Day.model_validate(rows))
    assert found["openai"].total_tokens == 300
    assert (found[NO_PROVIDER].spend, found[NO_PROVIDER].api_requests) == (Decimal("0.25"), 2)


@pytest.mark.parametrize(
    ("outer", "ref", "can"),
    [
        ("customer", "Acme, Inc.", False),
        ("tag", "red,blue", False),
        ("user", "cn=Ada,dc=com", True),
        ("key", "", False),
    ],
)
def test_what_the_proxy_would_take_for_a_list_is_not_asked_for(outer: Dimension, ref: str, can: bool) -> None:
    assert _can_be_asked(outer, Group(ref or "nobody", Figures(), ref=ref)) is can


def test_drivers_add_up_to_the_change_to_its_last_digit_and_as_printed() -> None:
    """A change from dollars to less than a cent has more digits than dollars have."""
    before = spend({"a": 0.418615, "b": 0.247, "c": 0.000432}, rest=0)
    after = spend({"a": 0.0003402, "b": 0.0000044}, rest=0)
    largest = tuple(Change(n, Figures(spend=Decimal(str(b))), Figures(spend=Decimal(str(a)))) for n, b, a in (
        ("a", 0.418615, 0.0003402),
        ("b", 0.247, 0.0000044),
    ))  # fmt: skip
    shown = _comparison(before, after, Changes(largest, rest=Decimal("-0.000432"), others=1))
    assert sum(Decimal(str(row.change)) for row in shown.drivers) == Decimal(str(shown.change))
    table = shown.table()
    assert table is not None
    printed = [Decimal(line.split("|")[2].replace("$", "")) for line in table.splitlines()[1:]]
    assert sum(printed) == Decimal("-0.67")
    assert "change -$0.67" in shown.line()


def test_what_the_listed_groups_do_not_drive_is_a_row_of_its_own() -> None:
    """The rows of a table may cover less than its total, with no further group to name."""
    largest = (Change("a", Figures(), Figures(spend=Decimal(1))),)
    shown = _comparison(spend({"a": 0}), spend({"a": 1}, rest=2), Changes(largest, rest=Decimal(2), others=0))
    assert [(row.name, row.change, row.rest) for row in shown.drivers] == [("a", 1, None), ("other", 2, True)]
