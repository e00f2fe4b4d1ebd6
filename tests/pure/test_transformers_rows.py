"""One padded batch: each row has its own sampling, dice, limits and ends, whoever shares the batch."""

import itertools
from collections import Counter
from typing import Any

import pytest

from tasks.records.local_models import DeviceLost, OutOfMemory, Row, RowEnd, Sampling
from tests.tiny_models import ARCHITECTURES, load_tiny, make_row, never

pytestmark = pytest.mark.torch

TEXTS = ("The river runs", "A", "Bread is made from flour, water, salt and time. Rain falls on", "Count from one to")
SAMPLINGS: tuple[dict[str, Any], ...] = (
    {"temperature": 0.0, "max_tokens": 9},
    {"temperature": 0.8, "top_p": 0.9, "max_tokens": 17, "seed": 5},
    {"temperature": 1.1, "top_k": 40, "repetition_penalty": 1.3, "max_tokens": 24, "seed": 6},
    {"temperature": 1.0, "min_p": 0.02, "max_tokens": 3, "seed": 7},
)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_padded_row_is_the_same_as_alone(architecture: str) -> None:
    model = load_tiny(architecture)
    rows = [
        make_row(model, text, key=key, **sampling)
        for key, (text, sampling) in enumerate(zip(TEXTS, SAMPLINGS, strict=True))
    ]
    together = model.generate_padded(rows, is_cut=never)
    alone = [model.generate_padded([row], is_cut=never)[0] for row in rows]
    assert [(out.key, out.tokens, out.end) for out in together] == [(out.key, out.tokens, out.end) for out in alone]
    assert [len(out.tokens) for out in together if out.end == RowEnd.LENGTH] == [
        row.sampling.max_tokens for row, out in zip(rows, together, strict=True) if out.end == RowEnd.LENGTH
    ]
    assert {out.end for out in together} <= {RowEnd.LENGTH, RowEnd.EOS}


def test_a_padded_row_says_what_transformers_says_without_us() -> None:
    import torch

    model = load_tiny()
    rows = [make_row(model, text, key=key, max_tokens=10) for key, text in enumerate(TEXTS)]
    for row, output in zip(rows, model.generate_padded(rows, is_cut=never), strict=True):
        prompt = torch.tensor([row.prompt], device=model.model.device)
        own = model.model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=10, do_sample=False)
        assert output.tokens == tuple(own[0, len(row.prompt) :].tolist())


def test_a_seed_draws_the_same_and_another_one_something_else() -> None:
    model = load_tiny()

    def draw(seed: int) -> tuple[int, ...]:
        row = make_row(model, seed=seed, temperature=1.0, max_tokens=20)
        return model.generate_padded([row], is_cut=never)[0].tokens

    assert draw(1) == draw(1)
    assert len({draw(seed) for seed in range(6)}) == 6


def test_no_rows_are_no_batch() -> None:
    assert load_tiny().generate_padded([], is_cut=never) == []


def test_seconds_of_a_batch_are_shared_by_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_tiny()
    ticks = itertools.count()
    monkeypatch.setattr(model, "_clock", lambda: float(next(ticks)))
    long, short = model.generate_padded([make_row(model, key=1), make_row(model, key=2, max_tokens=3)], is_cut=never)
    assert long.seconds + short.seconds == pytest.approx(next(ticks) - 1)
    assert long.seconds / short.seconds == pytest.approx(13 / 4)


def test_each_filter_decides_as_that_of_transformers() -> None:
    import torch
    from transformers.generation import logits_process as theirs

    from tasks.generation.token_filters import Filters, mark_seen

    torch.manual_seed(3)
    scores = torch.randn(8, 200) * 3
    seen = torch.randint(200, (8, 12))
    samplings = [
        Sampling(temperature=0.7),
        Sampling(temperature=1.0, top_k=5),
        Sampling(temperature=1.3, top_p=0.6),
        Sampling(temperature=1.0, min_p=0.1),
        Sampling(temperature=0.9, top_k=50, top_p=0.95, min_p=0.02, repetition_penalty=1.4),
        Sampling(temperature=1.0, repetition_penalty=0.8),
        Sampling(temperature=1.0, top_k=500, top_p=1.0, min_p=0.0),
        Sampling(temperature=1.0, top_p=0.01),
    ]
    filters = Filters(samplings, scores)
    ours = filters.apply(filters.apply_penalty(mark_seen(seen.tolist(), scores), scores))
    for at, sampling in enumerate(samplings):
        row, ids = scores[at : at + 1], seen[at : at + 1]
        if sampling.repetition_penalty:
            row = theirs.RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty)(ids, row)
        row = theirs.TemperatureLogitsWarper(sampling.temperature)(ids, row)
        if sampling.top_k:
            row = theirs.TopKLogitsWarper(sampling.top_k)(ids, row)
        if sampling.top_p is not None:
            row = theirs.TopPLogitsWarper(sampling.top_p)(ids, row)
        if sampling.min_p:
            row = theirs.MinPLogitsWarper(sampling.min_p)(ids, row)
        torch.testing.assert_close(ours[at : at + 1], row)


def test_a_die_falls_on_tokens_as_often_as_their_shares_say() -> None:
    import torch

    from tasks.generation.token_filters import Filters

    scores = torch.log(torch.tensor([[0.5, 0.3, 0.15, 0.05]]))
    filters = Filters([Sampling(temperature=1.0, top_k=3)], scores)
    draws = 2000
    counts = Counter(
        int(filters.draw(None, scores, torch.tensor([[(at + 0.5) / draws]])).item()) for at in range(draws)
    )
    assert [counts[token] / draws for token in range(4)] == pytest.approx(
        [0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0], abs=1e-3
    )


def test_temperature_zero_takes_the_likeliest_token_in_a_batch_that_draws() -> None:
    import torch

    from tasks.generation.token_filters import Filters

    scores = torch.log(torch.tensor([[0.4, 0.6], [0.4, 0.6]]))
    filters = Filters([Sampling(temperature=0.0), Sampling(temperature=1.0)], scores)
    assert filters.draw(None, scores, torch.tensor([[0.1], [0.1]])).tolist() == [1, 0]


def test_a_padded_row_is_not_punished_for_its_padding() -> None:
    model = load_tiny()
    pad = 0
    row = Row(
        1, (pad, *model.encode("A")), Sampling(temperature=0.0, max_tokens=4, repetition_penalty=5.0), 0, "a", 1e18
    )
    long = make_row(model, TEXTS[2], key=2)
    assert (
        model.generate_padded([row, long], is_cut=never)[0].tokens
        == model.generate_padded([row], is_cut=never)[0].tokens
    )


def test_a_row_ends_at_an_end_token_of_its_own_and_others_go_on() -> None:
    model = load_tiny()
    free = model.generate_padded([make_row(model, max_tokens=12)], is_cut=never)[0]
    at = free.tokens.index(free.tokens[5])
    ended, other = model.generate_padded(
        [make_row(model, max_tokens=12, stop_ids=(free.tokens[5],)), make_row(model, key=1, max_tokens=12)],
        is_cut=never,
    )
    assert (ended.tokens, ended.end) == (free.tokens[:at], RowEnd.EOS)
    assert other.tokens == free.tokens


def test_a_row_ends_soon_after_its_stop_string() -> None:
    model = load_tiny()
    free = model.generate_padded([make_row(model, max_tokens=60)], is_cut=never)[0]
    stop = model.decode(free.tokens[10:12])
    assert stop.strip()
    ended = model.generate_padded([make_row(model, max_tokens=60, stop=(stop,))], is_cut=never)[0]
    assert ended.end == RowEnd.STOP
    assert stop in model.decode(ended.tokens)
    assert ended.tokens == free.tokens[: len(ended.tokens)]
    assert len(ended.tokens) < 20


def test_a_stop_string_of_the_prompt_ends_nothing() -> None:
    model = load_tiny()
    output = model.generate_padded([make_row(model, "The river runs", max_tokens=8, stop=("river",))], is_cut=never)[0]
    assert (output.end, len(output.tokens)) == (RowEnd.LENGTH, 8)


def test_a_row_past_its_deadline_is_cut_and_the_others_go_on() -> None:
    model = load_tiny()
    late, other = model.generate_padded(
        [make_row(model, key=1, deadline=0.0), make_row(model, key=2, max_tokens=12)], is_cut=never
    )
    assert (late.end, len(late.tokens)) == (RowEnd.CUT, 1)
    assert (other.end, len(other.tokens)) == (RowEnd.LENGTH, 12)


def test_a_row_that_is_called_off_is_cut_there() -> None:
    model = load_tiny()
    asked: Counter[int] = Counter()

    def is_cut(key: int) -> bool:
        asked[key] += 1
        return key == 1 and asked[key] == 4

    cut, other = model.generate_padded([make_row(model, key=1), make_row(model, key=2)], is_cut=is_cut)
    assert (cut.end, len(cut.tokens)) == (RowEnd.CUT, 4)
    assert (other.end, len(other.tokens)) == (RowEnd.LENGTH, 12)


def test_a_batch_that_is_called_off_does_not_run_to_its_limit() -> None:
    model = load_tiny()
    steps = Counter(steps=0)

    def is_cut(key: int) -> bool:
        steps["steps"] += 1
        return True

    rows = [make_row(model, key=key, max_tokens=200) for key in range(3)]
    assert {output.end for output in model.generate_padded(rows, is_cut=is_cut)} == {RowEnd.CUT}
    assert steps["steps"] == 3


def test_a_row_that_repeats_itself_is_ended() -> None:
    model = load_tiny()

    def repeat(module: Any, inputs: Any, output: Any) -> Any:
        output[..., 50] = 99.0
        return output

    with model.model.lm_head.register_forward_hook(repeat):
        output = model.generate_padded([make_row(model, max_tokens=200)], is_cut=never)[0]
    assert output.end == RowEnd.LOOP
    assert set(output.tokens) == {50}
    assert len(output.tokens) < 100


@pytest.mark.parametrize("worth", [float("nan"), float("inf"), float("-inf")])
def test_scores_that_are_no_numbers_end_their_row_alone(worth: float) -> None:
    model = load_tiny()
    rows = [make_row(model, key=1, temperature=0.9), make_row(model, key=2, temperature=0.9)]
    whole = model.generate_padded(rows, is_cut=never)
    steps = Counter(steps=0)

    def break_row(module: Any, inputs: Any, output: Any) -> Any:
        steps["steps"] += 1
        if steps["steps"] == 4:
            output[0] = worth
        return output

    with model.model.lm_head.register_forward_hook(break_row):
        broken, other = model.generate_padded(rows, is_cut=never)
    assert (broken.end, broken.tokens) == (RowEnd.NOT_NUMBERS, whole[0].tokens[:3])
    assert (other.end, other.tokens) == (whole[1].end, whole[1].tokens)


def test_a_model_whose_weights_are_no_numbers_says_so_of_every_row() -> None:
    import torch

    model = load_tiny("gpt2")
    weight = model.model.transformer.h[0].mlp.c_fc.weight
    kept = weight.detach().clone()
    try:
        with torch.no_grad():
            weight[0, 0] = float("nan")
        outputs = model.generate_padded([make_row(model, key=key, temperature=1.0) for key in range(2)], is_cut=never)
    finally:
        with torch.no_grad():
            weight.copy_(kept)
    assert [(output.end, output.tokens) for output in outputs] == [(RowEnd.NOT_NUMBERS, ())] * 2


@pytest.mark.parametrize(
    "words", ["CUDA out of memory. Tried to allocate 2.00 GiB.", "DefaultCPUAllocator: can't allocate memory"]
)
def test_memory_that_is_full_is_said_and_the_next_batch_is_answered(
    words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    model = load_tiny()
    error = torch.OutOfMemoryError(words) if words.startswith("CUDA") else RuntimeError(words)

    def fail(*args: Any, **kwargs: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(model.model, "forward", fail)
        with pytest.raises(OutOfMemory, match=r"A batch of 2 rows did not fit: "):
            model.generate_padded([make_row(model, key=1), make_row(model, key=2)], is_cut=never)
    assert model.generate_padded([make_row(model)], is_cut=never)[0].end == RowEnd.LENGTH


def test_an_error_of_the_device_is_no_error_of_the_row(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    model = load_tiny()

    def fail(*args: Any, **kwargs: Any) -> None:
        raise torch.AcceleratorError("CUDA error: device-side assert triggered", 710)

    monkeypatch.setattr(model.model, "forward", fail)
    with pytest.raises(DeviceLost, match="device-side assert"):
        model.generate_padded([make_row(model)], is_cut=never)


def test_any_other_error_is_raised_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_tiny()

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(model.model, "forward", fail)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        model.generate_padded([make_row(model)], is_cut=never)
