"""Which prompts a campaign lacks: asked for where the target says so, a few at a time, and never against a veto."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tasks.records.wishes import StandingWish, WishCell
from tasks.scheduling.brief_wishes import (
    MOST_A_LANGUAGE,
    MOST_AT_ONCE,
    MOST_OPEN,
    count_asked,
    decide_wishes,
    group_cells,
)

NO_AXES: frozenset[str] = frozenset()
LANGUAGES = ("en", "sw", "de", "fr", "ar")


def cell(number: int, language: str = "en", topic: int | None = 1, **more) -> WishCell:
    given_ = {"topic_name": f"topic {topic}", "difficulty": "", "length": "short", "share": 0.1, "prompts": 10, **more}
    return WishCell(number, language, topic, **given_)


def group(*cells: WishCell, axes: frozenset[str] = NO_AXES):
    return group_cells(cells, axes=axes, languages=LANGUAGES)


def brief(key: str, number: int = 1, **more) -> StandingWish:
    given_ = {"is_open": True, "is_vetoed": False, "standing": 0, "wanted": 5, **more}
    return StandingWish(number, key, key.split("/", maxsplit=1)[0], **given_)


def opened(*cells: WishCell, standing=(), **more) -> list[str]:
    return [wish.key for wish in decide_wishes(group(*cells), standing, **more).open]


def test_what_has_less_than_half_of_its_share_is_asked_for() -> None:
    cells = (cell(1, share=0.5, prompts=80), cell(2, "sw", share=0.3, prompts=10), cell(3, "de", share=0.2, prompts=10))
    assert opened(*cells) == ["sw/1//"]
    [wish] = decide_wishes(group(*cells), ()).open
    assert (wish.prompts, wish.wanted, wish.missing, wish.cell) == (10, 30, 20, 2)
    assert wish.as_why() == {"key": "sw/1//", "length": "", "prompts": 10, "wanted": 30, "share": 0.3}


def test_a_value_that_was_set_and_that_no_prompt_has_is_asked_for() -> None:
    cells = (cell(1, share=0.8, prompts=100), cell(2, "sw", topic=None, topic_name="", share=0.2, prompts=0))
    assert opened(*cells) == ["sw///"]


def test_lengths_and_difficulties_are_asked_for_only_where_shares_of_them_were_set() -> None:
    cells = (
        cell(1, share=0.5, prompts=60, length="short"),
        cell(2, share=0.5, prompts=0, length="long", difficulty="hard"),
    )
    assert opened(*cells) == []
    parts = group(*cells, axes=frozenset({"length"}))
    assert [wish.key for wish in decide_wishes(parts, ()).open] == ["en/1//long"]
    parts = group(*cells, axes=frozenset({"length", "difficulty"}))
    assert [wish.key for wish in decide_wishes(parts, ()).open] == ["en/1/hard/long"]


def test_of_a_part_of_which_nothing_is_wanted_nothing_is_asked() -> None:
    assert opened(cell(1, share=1.0, prompts=50), cell(2, "sw", share=0.0, prompts=0)) == []


def test_languages_that_the_campaign_does_not_have_are_not_looked_at() -> None:
    assert group(cell(1, "xx", share=1.0, prompts=0)) == []


def test_what_lacks_most_of_the_target_comes_first() -> None:
    cells = (
        cell(1, share=0.4, prompts=90),
        cell(2, "sw", share=0.2, prompts=8),
        cell(3, "de", share=0.4, prompts=2),
    )
    assert opened(*cells) == ["de/1//", "sw/1//"]


def test_few_are_open_at_once_and_fewer_in_one_language() -> None:
    cells = [cell(100 + n, "en", topic=n, share=0.01, prompts=0) for n in range(30)]
    assert len(opened(cell(1, share=0.7, prompts=900), *cells)) == MOST_A_LANGUAGE
    many = [cell(n, LANGUAGES[n % 5], topic=n, share=0.02, prompts=0) for n in range(50)]
    assert len(opened(*many)) == MOST_OPEN
    standing = [brief(f"en/{5 * n}//", n) for n in range(MOST_A_LANGUAGE)]
    assert not [key for key in opened(*many, standing=standing) if key.startswith("en")]


def test_one_brief_asks_for_a_handful_at_a_time() -> None:
    [wish] = decide_wishes(group(cell(1, share=0.5, prompts=900), cell(2, "sw", share=0.5, prompts=0)), ()).open
    assert (wish.missing, count_asked(wish)) == (450, MOST_AT_ONCE)


def test_what_is_asked_for_is_not_asked_for_twice_nor_what_was_vetoed() -> None:
    cells = (cell(1, share=0.5, prompts=80), cell(2, "sw", share=0.5, prompts=1))
    assert opened(*cells, standing=[brief("sw/1//")]) == []
    assert opened(*cells, standing=[brief("sw/1//", is_open=False, is_vetoed=True)]) == []
    assert opened(*cells, asked=frozenset({("sw", "topic 1")})) == []
    assert opened(*cells, asked=frozenset({("en", "topic 1")})) == ["sw/1//"]


def test_a_brief_closes_when_it_has_what_it_named_or_its_part_has_all() -> None:
    lacking = (cell(1, share=0.5, prompts=80), cell(2, "sw", share=0.5, prompts=1))
    filled = (cell(1, share=0.5, prompts=80), cell(2, "sw", share=0.5, prompts=80))
    half = (cell(1, share=0.5, prompts=80), cell(2, "sw", share=0.5, prompts=60))
    assert decide_wishes(group(*lacking), [brief("sw/1//", standing=4)]).close == {}
    assert decide_wishes(group(*half), [brief("sw/1//")]).close == {}
    assert decide_wishes(group(*filled), [brief("sw/1//")]).close == {1: True}
    decision = decide_wishes(group(*lacking), [brief("sw/1//", standing=5)])
    assert (decision.close, [wish.key for wish in decision.open]) == ({1: True}, ["sw/1//"])


def test_a_brief_closes_unfilled_when_its_part_is_gone_or_wanted_no_more() -> None:
    assert decide_wishes(group(cell(1)), [brief("sw/7//")]).close == {1: False}
    gone = (cell(1, share=1.0, prompts=8), cell(2, "sw", share=0.0, prompts=0))
    assert decide_wishes(group(*gone), [brief("sw/1//")]).close == {1: False}


@given(
    st.lists(
        st.tuples(st.sampled_from(LANGUAGES), st.integers(0, 5), st.floats(0, 1), st.integers(0, 500)), max_size=40
    )
)
def test_whatever_there_is_the_bounds_hold_and_deciding_again_opens_no_more(given_) -> None:
    cells = [
        cell(n, language, topic, share=share, prompts=prompts)
        for n, (language, topic, share, prompts) in enumerate(given_)
    ]
    parts = group(*cells)
    first = decide_wishes(parts, ())
    assert len(first.open) <= MOST_OPEN
    standing = [brief(wish.key, n, wanted=count_asked(wish)) for n, wish in enumerate(first.open)]
    second = decide_wishes(parts, standing)
    assert second.close == {}
    assert len(first.open) + len(second.open) <= MOST_OPEN
    assert not {wish.key for wish in first.open} & {wish.key for wish in second.open}
