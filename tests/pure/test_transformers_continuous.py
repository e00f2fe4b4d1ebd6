"""Continuous batching through transformers' own manager: the same tokens as a padded batch, and always an end."""

import gc
import threading
import time
import weakref
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tasks.generation import continuous
from tasks.generation.batching_probe import compare_ways, make_rows, probe_batching
from tasks.records.local_models import DeviceLost, OutOfMemory, Row, RowEnd, RowOutput
from tests.tiny_models import ARCHITECTURES, load_tiny, make_row, never

pytestmark = pytest.mark.torch

#: What a version of transformers makes of the others changes; these must be able.
MUST = {"llama", "gpt2", "qwen3"}
TEXTS = ("The river runs", "A", "Bread is made from flour, water, salt and time. Rain falls on", "Count from one to")
SAMPLINGS: tuple[dict[str, Any], ...] = (
    {"temperature": 0.0, "max_tokens": 9},
    {"temperature": 0.8, "top_p": 0.9, "max_tokens": 17, "seed": 5},
    {"temperature": 1.1, "top_k": 40, "repetition_penalty": 1.3, "max_tokens": 24, "seed": 6},
    {"temperature": 1.0, "min_p": 0.02, "max_tokens": 30, "seed": 7},
)


def answer(model: Any, rows: list[Row], *, cache_tokens: int = 2048, is_cut: Any = never) -> dict[int, RowOutput]:
    outputs = list(model.generate_continuous(iter(rows), is_cut=is_cut, cache_tokens=cache_tokens))
    assert len({output.key for output in outputs}) == len(outputs)
    return {output.key: output for output in outputs}


def make_some(model: Any, *, samples: int = 1) -> list[Row]:
    return [
        make_row(model, text, key=10 * at + sample, **{**sampling, "seed": sample + 50 * at})
        for at, (text, sampling) in enumerate(zip(TEXTS, SAMPLINGS, strict=True))
        for sample in range(samples)
    ]


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_rows_say_the_same_as_in_a_padded_batch_each_with_its_own_sampling(architecture: str) -> None:
    model = load_tiny(architecture)
    if architecture not in MUST and not model.facts.can_continue:
        assert model.facts.continuous_problem
        return
    assert (model.facts.can_continue, model.facts.continuous_problem) == (True, "")
    rows = make_some(model, samples=3)
    padded = {output.key: output for output in model.generate_padded(rows, is_cut=never)}
    found = answer(model, rows)
    assert {key: (out.tokens, out.end) for key, out in found.items()} == {
        key: (out.tokens, out.end) for key, out in padded.items()
    }
    assert len({found[key].tokens for key in (10, 11, 12)}) == 3  # samples of one prompt, each with its own dice


def test_rows_that_do_not_fit_together_wait_for_each_other() -> None:
    model = load_tiny()
    rows = make_some(model, samples=4)
    padded = {output.key: output.tokens for output in model.generate_padded(rows, is_cut=never)}
    found = answer(model, rows, cache_tokens=128)
    assert {key: output.tokens for key, output in found.items()} == padded


def test_rows_are_asked_for_as_room_becomes_free() -> None:
    model = load_tiny()
    taken: list[int] = []

    def give() -> Iterator[Row]:
        for key in range(12):
            taken.append(key)
            yield make_row(model, key=key, prefix=str(key), max_tokens=20)

    outputs = model.generate_continuous(give(), is_cut=never, cache_tokens=192)
    first = next(outputs)
    assert len(taken) < 8
    assert {first.key, *(output.key for output in outputs)} == set(range(12))


def test_samples_of_a_prompt_share_its_computation() -> None:
    model = load_tiny()
    seen: list[int] = []
    rows = [make_row(model, TEXTS[2], key=key, temperature=1.0, max_tokens=6) for key in range(6)]

    def count(module: Any, inputs: Any, output: Any) -> None:
        seen.append(output.shape[1])

    with model.model.model.embed_tokens.register_forward_hook(count):
        together = answer(model, rows)
        shared, seen = sum(seen), []
        answer(model, [Row(r.key, r.prompt, r.sampling, r.seed, str(r.key), r.deadline) for r in rows])
    assert sum(seen) - shared > 3 * len(rows[0].prompt)
    assert len({output.tokens for output in together.values()}) == 6


def test_a_prompt_of_one_token_is_not_forked() -> None:
    model = load_tiny()
    rows = [
        Row(key, model.encode("A")[:1], make_row(model, temperature=1.0, max_tokens=5).sampling, key, "A", 1e18)
        for key in range(3)
    ]
    padded = {output.key: output.tokens for output in model.generate_padded(rows, is_cut=never)}
    assert {key: output.tokens for key, output in answer(model, rows).items()} == padded


@pytest.mark.parametrize("extra", [0, 1, 2])
def test_a_prompt_that_was_answered_before_is_answered_again(extra: int) -> None:
    model = load_tiny()
    prompt = (model.encode(TEXTS[2]) * 5)[: 32 + extra]  # pages of 16 tokens, which are remembered

    def give() -> Iterator[Row]:
        for key in range(8):
            sampling = make_row(model, temperature=1.0, max_tokens=4).sampling
            yield Row(key, prompt, sampling, key, "same" if key % 4 else f"same{key}", 1e18)

    rows = list(give())
    padded = {output.key: output.tokens for output in model.generate_padded(rows, is_cut=never)}
    assert {key: output.tokens for key, output in answer(model, rows, cache_tokens=256).items()} == padded


def test_a_row_that_does_not_fit_the_cache_alone_is_out_of_memory() -> None:
    model = load_tiny()
    rows = [make_row(model, key=1), make_row(model, key=2, max_tokens=200, prefix="long"), make_row(model, key=3)]
    outputs = model.generate_continuous(iter(rows), is_cut=never, cache_tokens=128)
    assert next(outputs).key == 1
    with pytest.raises(OutOfMemory, match=r"^A row of 2\d\d tokens does not fit in a cache of 160\.$"):
        next(outputs)


@pytest.mark.parametrize("tokens", [31, 32, 33, 48])
def test_a_row_that_fills_the_cache_is_answered(tokens: int) -> None:
    model = load_tiny()
    prompt = model.encode(TEXTS[2])
    row = make_row(model, TEXTS[2], max_tokens=tokens)
    output = answer(model, [row], cache_tokens=len(prompt) + tokens)[0]
    assert output.tokens == model.generate_padded([row], is_cut=never)[0].tokens


def test_no_rows_need_no_answer() -> None:
    assert answer(load_tiny(), []) == {}


def test_stop_strings_stop_ids_and_loops_end_rows() -> None:
    model = load_tiny()
    free = model.generate_padded([make_row(model, max_tokens=120)], is_cut=never)[0]
    stop = model.decode(free.tokens[10:12])
    rows = [
        make_row(model, key=1, max_tokens=120, stop=(stop,)),
        make_row(model, key=2, max_tokens=120, stop_ids=(free.tokens[7],)),
        make_row(model, key=3, max_tokens=5),
    ]
    found = answer(model, rows)
    assert stop in model.decode(found[1].tokens)
    assert found[1].end in {RowEnd.STOP, RowEnd.LENGTH}
    at = free.tokens.index(free.tokens[7])
    assert (found[2].tokens, found[2].end) == (free.tokens[:at], RowEnd.EOS)
    assert (found[3].tokens, found[3].end) == (free.tokens[:5], RowEnd.LENGTH)


def slow(seconds: float) -> Any:
    """A hook that makes each step of a model take its time."""

    def wait(module: Any, inputs: Any, output: Any) -> None:
        time.sleep(seconds)

    return wait


def test_a_row_stops_soon_after_its_stop_string() -> None:
    model = load_tiny()
    free = model.generate_padded([make_row(model, max_tokens=120)], is_cut=never)[0]
    stop = model.decode(free.tokens[4:6])
    with model.model.lm_head.register_forward_hook(slow(0.03)):
        output = answer(model, [make_row(model, max_tokens=120, stop=(stop,))])[0]
    assert output.end == RowEnd.STOP
    assert 6 <= len(output.tokens) < 60


def test_a_row_past_its_deadline_is_cut_and_the_others_go_on() -> None:
    model = load_tiny()
    rows = [make_row(model, key=1, deadline=0.0, max_tokens=150), make_row(model, key=2, max_tokens=12, prefix="b")]
    with model.model.lm_head.register_forward_hook(slow(0.02)):
        found = answer(model, rows)
    assert found[1].end == RowEnd.CUT
    assert len(found[1].tokens) < 100
    assert (found[2].end, len(found[2].tokens)) == (RowEnd.LENGTH, 12)


@pytest.mark.parametrize("cut", [{0}, {1}, {2}, {0, 2}, {0, 1, 2}])
def test_samples_that_are_called_off_leave_the_others_of_their_prompt_alone(cut: set[int]) -> None:
    model = load_tiny()
    rows = [make_row(model, key=key, temperature=1.0, max_tokens=25) for key in range(3)]
    padded = {output.key: output.tokens for output in model.generate_padded(rows, is_cut=never)}
    with model.model.lm_head.register_forward_hook(slow(0.02)):
        found = answer(model, rows, is_cut=lambda key: key in cut)
    assert {key for key, output in found.items() if output.end == RowEnd.CUT} == cut
    assert {key: found[key].tokens for key in set(found) - cut} == {key: padded[key] for key in set(found) - cut}


def test_the_seconds_of_rows_add_up_to_no_more_than_there_were() -> None:
    model = load_tiny()
    started = time.monotonic()
    found = answer(model, make_some(model, samples=2))
    assert 0 < sum(output.seconds for output in found.values()) <= time.monotonic() - started


def test_scores_that_are_no_numbers_end_their_row_alone() -> None:
    model = load_tiny()
    rows = [make_row(model, key=1, temperature=0.9), make_row(model, TEXTS[2], key=2, temperature=0.9)]
    whole = {output.key: output for output in model.generate_padded(rows, is_cut=never)}
    steps = Counter(steps=0)

    def break_row(module: Any, inputs: Any, output: Any) -> Any:
        steps["steps"] += 1
        if steps["steps"] == 4:
            output[0, 0] = float("nan")
        return output

    with model.model.lm_head.register_forward_hook(break_row):
        found = answer(model, rows)
    assert Counter(output.end for output in found.values()) == {RowEnd.NOT_NUMBERS: 1, RowEnd.LENGTH: 1}
    for key, output in found.items():
        assert output.tokens == whole[key].tokens[: len(output.tokens)]
        assert (len(output.tokens) < 4) == (output.end == RowEnd.NOT_NUMBERS)


def test_what_the_process_had_before_is_looked_through_for_garbage_after_a_run_but_not_by_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from transformers.generation.continuous_batching.cache import PagedAttentionCache

    model, seen, made = load_tiny(), list[bool](), list["weakref.ref[PagedAttentionCache]"]()
    init = PagedAttentionCache.__init__

    def remember(cache: PagedAttentionCache, *args: Any, **kwargs: Any) -> None:
        made.append(weakref.ref(cache))
        init(cache, *args, **kwargs)

    monkeypatch.setattr(PagedAttentionCache, "__init__", remember)
    before = gc.get_freeze_count()

    def look(_: int) -> bool:
        seen.append(gc.get_freeze_count() > before)
        return False

    answer(model, [make_row(model, max_tokens=200)], is_cut=look)
    assert seen
    assert all(seen)
    assert gc.get_freeze_count() == before
    assert made
    assert not any(one() for one in made), "a cache stays in memory"


def test_memory_that_is_full_is_said_and_the_next_rows_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    model = load_tiny()

    def fail(*args: Any, **kwargs: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    with monkeypatch.context() as patch:
        patch.setattr(model.model, "forward", fail)
        with pytest.raises(OutOfMemory, match=r"with a cache of 2,048 tokens did not fit: CUDA out of memory"):
            answer(model, make_some(model))
    assert len(answer(model, make_some(model))) == 4


def test_a_cache_that_its_manager_says_is_too_large_did_not_fit_either(monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers.generation.continuous_batching.cache import PagedAttentionMemoryHandler

    model = load_tiny()
    with monkeypatch.context() as patch:
        patch.setattr(PagedAttentionMemoryHandler, "get_available_memory", lambda _: 1000)
        with pytest.raises(OutOfMemory, match="did not fit: Memory footprint"):
            answer(model, make_some(model))
        _, continuous, why = probe_batching(model, rows=2, prompt_tokens=8, answer_tokens=4)
        assert continuous is None
        assert "did not fit in memory" in why
    assert len(answer(model, make_some(model))) == 4


def test_a_step_that_breaks_breaks_the_run_with_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_tiny()

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(model.model, "forward", fail)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        answer(model, make_some(model))


def test_a_row_that_the_manager_fails_is_answered_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks.generation.row_sampling import FlowChooser

    model = load_tiny()
    rows = [make_row(model, key=key, prefix=str(key)) for key in range(3)]
    padded = {output.key: output.tokens for output in model.generate_padded(rows, is_cut=never)}
    checked = Counter(checked=0)

    def refuse_second(chooser: FlowChooser, kwargs: Any) -> None:
        checked["checked"] += 1
        if checked["checked"] == 2:
            raise ValueError("not this one")

    monkeypatch.setattr(FlowChooser, "check_kwargs", refuse_second)
    assert {key: output.tokens for key, output in answer(model, rows).items()} == padded
    assert checked["checked"] == 3


def test_somebody_who_stops_reading_leaves_nothing_running() -> None:
    model = load_tiny()
    rows = [make_row(model, key=key, prefix=str(key), max_tokens=5 if key == 3 else 200) for key in range(6)]
    outputs = model.generate_continuous(iter(rows), is_cut=never, cache_tokens=4096)
    with model.model.lm_head.register_forward_hook(slow(0.01)):
        assert next(outputs).key == 3
        outputs.close()


def test_a_step_that_never_ends_loses_the_device_in_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_tiny()
    go_on = threading.Event()

    def hang(module: Any, inputs: Any, output: Any) -> None:
        go_on.wait(60)

    monkeypatch.setattr(continuous, "STOP_WITHIN", 0.2)
    with model.model.lm_head.register_forward_hook(hang):
        with pytest.raises(DeviceLost, match="did not end within"):
            answer(model, [make_row(model, deadline=0.0)])
        go_on.set()
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and "_run_generation_loop" in thread.name:
                thread.join(30)


def test_a_probe_measures_both_ways() -> None:
    padded, fed, reason = probe_batching(load_tiny(), rows=4, prompt_tokens=16, answer_tokens=8)
    assert padded > 0
    assert fed is not None
    assert fed > 0
    assert f"{fed:,.0f} against {padded:,.0f} tokens a second" in reason


def test_a_probe_of_a_model_that_cannot_continue_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_tiny()
    monkeypatch.setattr(model, "facts", replace(model.facts, can_continue=False, continuous_problem="It cannot."))
    padded, fed, reason = probe_batching(model, rows=2, prompt_tokens=8, answer_tokens=4)
    assert padded > 0
    assert (fed, reason) == (None, "It cannot.")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OutOfMemory("too much"), "Continuous batching did not fit in memory: too much"),
        (RuntimeError("it broke"), "Continuous batching failed: it broke"),
    ],
)
def test_a_probe_whose_continuous_way_breaks_leaves_the_padded_one(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_tiny()

    def fail(rows: Iterator[Row], **more: Any) -> Iterator[RowOutput]:
        raise error

    monkeypatch.setattr(model, "generate_continuous", fail)
    padded, fed, reason = probe_batching(model, rows=2, prompt_tokens=8, answer_tokens=4)
    assert padded > 0
    assert (fed, reason) == (None, said)


def test_a_probes_rows_have_mixed_lengths_that_fit_the_model() -> None:
    rows = make_rows(load_tiny(), rows=20, prompt_tokens=1000, answer_tokens=1000)
    assert {len(row.prompt) for row in rows} <= set(range(2, 129))
    assert (
        len({row.sampling.max_tokens for row in make_rows(load_tiny(), rows=20, prompt_tokens=64, answer_tokens=64)})
        > 5
    )


def test_ways_that_differ_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_tiny()
    assert compare_ways(model) == ""

    def say_something_else(rows: Iterator[Row], **more: Any) -> Iterator[RowOutput]:
        return (RowOutput(row.key, (5, 5, 5), RowEnd.LENGTH, 0.0) for row in rows)

    monkeypatch.setattr(model, "generate_continuous", say_something_else)
    assert compare_ways(model) == "With this model, continuous batching does not say what a padded batch says."


@pytest.mark.parametrize(("others", "is_fine"), [(3, True), (4, False)])
def test_last_bits_may_decide_a_few_rows_another_way_but_not_half_of_them(
    others: int, is_fine: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_tiny()
    padded = model.generate_padded

    def differ(rows: Iterator[Row], **more: Any) -> Iterator[RowOutput]:
        for output in padded(list(rows), is_cut=never):
            yield replace(output, tokens=(5,)) if output.key < others else output

    monkeypatch.setattr(model, "generate_continuous", differ)
    assert (compare_ways(model) == "") == is_fine
