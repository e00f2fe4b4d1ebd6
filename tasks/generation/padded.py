"""Padded batches, one after another: what does not fit is halved, what breaks one is found and breaks alone."""

import logging
from collections.abc import Iterator, Sequence

from tasks.generation.asking import Question
from tasks.generation.batches import find_most_waste, plan_batch
from tasks.generation.local_runs import RestartNeeded, Run, share_seconds
from tasks.records.generation import GenerationResult
from tasks.records.local_models import DeviceLost, OutOfMemory
from tasks.vocabulary import Batching, GenerationOutcome

log = logging.getLogger(__name__)

#: What an error says when the device is at fault and not the batch.
_LOST = ("cuda error", "device-side assert", "cudnn", "cublas", "hip error", "misaligned address")


def answer_padded(run: Run) -> Iterator[GenerationResult]:
    """One batch of what waits and goes into no continuous one."""
    limits = run.bench.limits
    waiting = [question for question in run.waiting if not run.flows(question)]
    if not waiting:
        return
    own = [question.generator.loading.max_batch or limits.rows for question in waiting]
    sizes = [question.size for question in waiting]
    places = plan_batch(
        sizes,
        most_rows=min(limits.rows, *own),
        most_cells=run.bench.measure_cells(),
        most_waste=find_most_waste(run.bench.model.facts.device),
    )
    batch = [waiting[place] for place in places]
    chosen = {question.arrival for question in batch}
    run.waiting = [question for question in run.waiting if question.arrival not in chosen]
    yield from _answer_batch(run, batch)


def looks_lost(error: Exception) -> bool:
    """Whether an error of the model says that the device, not the batch, is at fault."""
    return isinstance(error, DeviceLost) or any(words in str(error).lower() for words in _LOST)


def _answer_batch(run: Run, batch: Sequence[Question]) -> Iterator[GenerationResult]:
    bench = run.bench
    bench.progress.running, bench.progress.waiting = len(batch), len(run.waiting)
    started = bench.clock()
    rows = [question.make_row(deadline=run.find_deadline(question)) for question in batch]
    try:
        outputs = {output.key: output for output in bench.model.generate_padded(rows, is_cut=run.is_cut)}
    except (OutOfMemory, MemoryError):
        yield from _make_room(run, batch)
        return
    except Exception as error:  # noqa: BLE001  (whatever it is, it costs one request its answer and no other)
        yield from _find_culprit(run, batch, error)
        return
    bench.limits.note_success()
    found = [outputs.get(question.key) for question in batch]
    shares = share_seconds(max(bench.clock() - started, 0.0), found)
    for question, output, share in zip(batch, found, shares, strict=True):
        bench.progress.running -= 1
        yield run.finish(question, output, batching=Batching.PADDED, compute_seconds=share)


def _make_room(run: Run, batch: Sequence[Question]) -> Iterator[GenerationResult]:
    """The batch did not fit. One row that does not fit alone ends the process: who knows what it left behind."""
    run.bench.clear()
    if len(batch) > 1:
        run.bench.limits.halve([question.size for question in batch])
        log.warning("a batch of %s did not fit in memory; the next has %s at most", len(batch), run.bench.limits.rows)
        run.put_back(batch)
        return
    [question] = batch
    reason = (
        "This request alone does not fit in the memory of the device. Lower max_tokens, load the model in a smaller dtype "
        "or quantized, or use a larger device."
    )
    yield run.fail(question.job, question.generator, outcome=GenerationOutcome.OUT_OF_MEMORY, reason=reason)
    raise RestartNeeded("Out of memory with a single request; the worker starts afresh.")


def _find_culprit(run: Run, batch: Sequence[Question], error: Exception) -> Iterator[GenerationResult]:
    """A batch broke, and one of its rows may be why: halves are tried by themselves, down to the one that breaks."""
    if looks_lost(error):
        raise RestartNeeded(f"The device failed: {error}", suspects=[question.key for question in batch]) from error
    log.error("a batch of %s failed", len(batch), exc_info=error)
    run.bench.clear()
    if len(batch) > 1:
        middle = len(batch) // 2
        yield from _answer_batch(run, batch[:middle])
        yield from _answer_batch(run, batch[middle:])
        return
    [question] = batch
    reason = f"The model failed at this request ({type(error).__name__}). The worker's log says more."
    yield run.fail(question.job, question.generator, outcome=GenerationOutcome.BAD_ANSWER, reason=reason)
