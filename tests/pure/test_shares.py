"""The share of each cell from the shares along axes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.records.reference import ReferencePrompt, learn_shares, read_reference
from tasks.scheduling import shares as shares_module
from tasks.scheduling.shares import CELL_AXES, CellFacts, add_wanted, share_cells
from tasks.vocabulary import TargetAxis

CELLS = [
    CellFacts("en", "1", "", "short", 90, {"maths": 45}),
    CellFacts("en", "2", "", "long", 10),
    CellFacts("de", "1", "hard", "short", 25),
]


def find_unmet(cells, weights, shares):
    """Values that have not what was asked for, with what they have."""

    def has(axis, value):
        pairs = zip(cells, weights, strict=True)
        if axis in CELL_AXES:
            return sum(weight for cell, weight in pairs if cell.value(axis) == value)
        return sum(weight * cell.tags.get(value, 0) / max(cell.prompts, 1) for cell, weight in pairs)

    found = {(axis, value): has(axis, value) for axis in shares for value in shares[axis]}
    return {one: there for one, there in found.items() if abs(there - shares[one[0]][one[1]]) > 0.005}


def test_without_shares_a_cell_weighs_the_square_root_of_its_prompts():
    roots = [90**0.5, 10**0.5, 5.0]
    assert share_cells(CELLS, {}) == pytest.approx([root / sum(roots) for root in roots])
    assert share_cells([], {}) == []


def test_each_axis_has_what_was_asked_for_and_the_rest_keeps_its_proportions():
    shares = {TargetAxis.LANGUAGE: {"de": 0.5}, TargetAxis.TAG: {"maths": 0.1}}
    weights = share_cells(CELLS, shares)
    assert weights[2] == pytest.approx(0.5, abs=1e-3)
    assert weights[0] * 0.5 == pytest.approx(0.1, abs=1e-3)
    assert sum(weights) == pytest.approx(1)
    assert find_unmet(CELLS, weights, shares) == {}


def test_a_value_that_no_prompt_has_is_an_empty_cell_like_most_prompts():
    shares = {TargetAxis.LANGUAGE: {"sw": 0.25}, TargetAxis.DIFFICULTY: {"hard": 0.1}}
    cells = add_wanted(CELLS, shares, language="en")
    assert cells[3:] == [CellFacts("sw", "", "", "short", 0)]
    assert share_cells(cells, shares)[3] == pytest.approx(0.25)
    assert add_wanted([], {TargetAxis.LENGTH: {"long": 1.0}}, language="en") == [CellFacts("en", "", "", "long", 0)]


def test_shares_that_contradict_one_another_are_told_with_what_there_is():
    shares = {TargetAxis.LANGUAGE: {"de": 0.8}, TargetAxis.DIFFICULTY: {"hard": 0.1}}
    weights = share_cells(CELLS, shares)
    unmet = find_unmet(CELLS, weights, shares)
    assert set(unmet) == {(TargetAxis.LANGUAGE, "de")}
    assert sum(weights) == pytest.approx(1)


@given(
    st.lists(
        st.builds(
            CellFacts,
            st.sampled_from(["en", "de", "sw"]),
            st.sampled_from(["", "1", "2"]),
            st.sampled_from(["", "hard"]),
            st.sampled_from(["short", "middle", "long"]),
            st.integers(0, 10**6),
        ),
        min_size=1,
        max_size=12,
    ),
    st.dictionaries(st.sampled_from(["en", "de", "xx"]), st.floats(0, 0.33), max_size=3),
    st.dictionaries(st.sampled_from(["short", "long"]), st.floats(0, 0.5), max_size=2),
)
def test_shares_are_a_distribution_whatever_is_asked_for(cells, languages, lengths):
    shares = {TargetAxis.LANGUAGE: languages, TargetAxis.LENGTH: lengths}
    weights = share_cells(add_wanted(cells, shares, language="en"), shares)
    assert all(0 <= weight <= 1 + 1e-9 for weight in weights)
    assert not weights or sum(weights) == pytest.approx(1)


@pytest.mark.parametrize(
    "data",
    [
        b'{"prompt": "One?", "language": "en", "tags": ["a", "b"]}\n{"text": "Two?", "language": "de"}\nno json\n',
        b"prompt,language,tags\nOne?,en,a;b\nTwo?,de,\n",
    ],
)
def test_a_reference_is_read_from_json_lines_and_from_a_table(data):
    assert read_reference(data) == [
        ReferencePrompt("One?", "en", "", ("a", "b")),
        ReferencePrompt("Two?", "de"),
    ]


def test_lines_of_text_are_prompts_and_what_is_none_is_refused():
    assert read_reference("\ufeffEins?\n\nZwei?\n".encode()) == [ReferencePrompt("Eins?"), ReferencePrompt("Zwei?")]
    for data, code in ((b"\xff\xfe", "no_utf8"), (b" \n", "no_prompts"), (b'{"a": 1}', "no_prompts")):
        with pytest.raises(ValueError, match=code):
            read_reference(data)


def test_shares_are_learned_of_what_is_said_alone_and_never_more_than_one():
    prompts = [
        ReferencePrompt("x" * 10, "en", "easy", ("a",)),
        ReferencePrompt("x" * 100, "fr"),
        ReferencePrompt("x" * 500, "de"),
    ]
    learned = learn_shares(prompts, topics=["1", "1", "2"], languages=["en", "de"])
    assert learned == {
        TargetAxis.LANGUAGE: {"en": 0.5, "de": 0.5},
        TargetAxis.TOPIC: {"1": 0.666, "2": 0.333},
        TargetAxis.DIFFICULTY: {"easy": 1.0},
        TargetAxis.LENGTH: {"short": 0.333, "middle": 0.333, "long": 0.333},
        TargetAxis.TAG: {"a": 0.333},
    }


def test_a_tag_costs_what_the_cells_that_have_it_cost(monkeypatch):
    looked = []
    monkeypatch.setattr(shares_module, "_part", lambda cell, tag: looked.append(tag) or cell.tags[tag] / cell.prompts)
    cells = [CellFacts("en", str(place), "", "short", 2, {f"tag{place}": 1}) for place in range(50)]
    shares = {TargetAxis.TAG: {f"tag{place}": 0.01 for place in range(50)}}
    weights = share_cells(cells, shares)
    assert len(looked) == 50  # not fifty tags by fifty cells, thirty times
    assert weights == pytest.approx([0.02] * 50)


def test_a_tag_that_is_wanted_alone_leaves_nothing_to_others_and_one_that_everybody_has_shifts_nothing():
    cells = [CellFacts("en", "", "", "short", 4, {"a": 4}), CellFacts("en", "", "", "long", 4, {"b": 2})]
    assert share_cells(cells, {TargetAxis.TAG: {"a": 1.0}}) == pytest.approx([1, 0])
    assert share_cells(cells[:1], {TargetAxis.TAG: {"a": 0.3}}) == [1.0]
    assert share_cells(cells, {TargetAxis.TAG: {"a": 0.5, "b": 0.25}}) == pytest.approx([0.5, 0.5], abs=1e-6)
