"""One call of an engine with a model in this process: what is asked, what waits, and what comes of each job."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from tasks.generation.asking import Desk, Question, Unaskable
from tasks.generation.batches import MOST_ROWS, Limits
from tasks.generation.local_results import give_answer, give_failure
from tasks.generation.outputs import Reading, read_output
from tasks.generation.samplings import without
from tasks.records.generation import GenerationJob, GenerationResult, GeneratorRecord, Loading
from tasks.records.local_models import LocalModel, RowEnd, RowOutput
from tasks.vocabulary import Batching, GenerationOutcome

Asked = tuple[GenerationJob, GeneratorRecord]

#: A continuous batch that did not fit is tried with half the cache, this often in the life of the process; one that
#: broke in another way (transformers' manager once scheduled a batch of nothing) so often as this. Then all goes into padded
#: ones.
MOST_FAILURES, MOST_BREAKS = 3, 2


class RestartNeeded(Exception):
    """Only a new process mends this. What was not yielded is not done: hand it back, then end; the message says why.

    `suspects`: the requests that were under way when the device failed. One of them may be why, so let their leases
    end: each is then answered alone.
    """

    def __init__(self, message: str, *, suspects: Iterable[int] = ()) -> None:
        super().__init__(message)
        self.suspects = frozenset(suspects)


@dataclass(slots=True)
class Progress:
    """What an engine is doing: rows being answered, jobs that wait in it, and what it did since it began."""

    running: int = 0
    waiting: int = 0
    answers: int = 0
    tokens: int = 0


@dataclass(slots=True)
class Workbench:
    """A model with what was learnt about it here, from one call to the next.

    `batching`: for generators that leave it open. `continuous_failures`, `continuous_breaks`: how often a continuous
    batch did not fit, and how often it broke in another way.
    """

    model: LocalModel
    clock: Callable[[], float]
    desk: Desk
    limits: Limits
    batching: Batching
    continuous_failures: int = 0
    continuous_breaks: int = 0
    progress: Progress = field(default_factory=Progress)

    def measure_cells(self) -> int:
        """Tokens that fit in the memory of the device now."""
        try:
            free = self.model.measure_memory().free
        except Exception as error:
            raise RestartNeeded(f"The memory of the device cannot be measured: {error}") from error
        return self.limits.count_cells(free_bytes=free, bytes_per_token=self.model.facts.cache_bytes_per_token)

    def clear(self) -> None:
        """Give memory back after a failure."""
        try:
            self.model.clear()
        except Exception as error:
            raise RestartNeeded(f"The memory of the device cannot be cleared: {error}") from error


def set_up(
    model: LocalModel, *, loading: Loading, clock: Callable[[], float], rng: random.Random, batching: Batching
) -> Workbench:
    return Workbench(
        model,
        clock=clock,
        desk=Desk(model, loading=loading, rng=rng),
        limits=Limits(most_rows=loading.max_batch or MOST_ROWS),
        batching=batching,
    )


class Run:
    """What is asked in one call. `waiting` is in the order of arrival; `padded_only`: keys that no continuous batch takes."""

    def __init__(
        self, bench: Workbench, asked: Iterable[Asked], *, is_cut: Callable[[int], bool], until: float | None
    ) -> None:
        self.bench = bench
        self.is_cut = is_cut
        self.until = until
        self.waiting: list[Question] = []
        self.padded_only: set[int] = set()
        self.is_exhausted = False
        self._asked = iter(asked)
        self._arrivals = 0

    @property
    def is_over(self) -> bool:
        return self.until is not None and self.bench.clock() >= self.until

    def pull(self) -> Question | GenerationResult | None:
        """The next job as a question, or at once as a result; None when there are no more."""
        pair = next(self._asked, None)
        if pair is None:
            self.is_exhausted = True
            return None
        job, generator = pair
        if self.is_over or self.is_cut(job.request_id):
            return self.hand_back(job, generator)
        self._arrivals += 1
        try:
            return replace(self.bench.desk.ask(job, generator), arrival=self._arrivals)
        except Unaskable as problem:
            return self.fail(job, generator, outcome=problem.outcome, reason=str(problem))
        except Exception as error:  # noqa: BLE001  (one odd job must not cost the others their answers)
            reason = f"The prompt could not be written for this model ({type(error).__name__})."
            return self.fail(job, generator, outcome=GenerationOutcome.BAD_ANSWER, reason=reason)

    def fill(self, count: int) -> Iterator[GenerationResult]:
        """Let up to `count` questions wait; what cannot be asked is a result at once."""
        while not self.is_exhausted and len(self.waiting) < count:
            pulled = self.pull()
            if isinstance(pulled, Question):
                self.waiting.append(pulled)
            elif pulled is not None:
                yield pulled

    def flows(self, question: Question) -> bool:
        """Whether a question goes into a continuous batch.

        A generator's own choice counts first. Where it leaves it open, what continuous batching would not follow of its
        sampling decides against it; the seed alone does not.
        """
        bench = self.bench
        facts, own = bench.model.facts, question.generator.loading.batching
        if not facts.can_continue or question.key in self.padded_only:
            return False
        if bench.continuous_failures >= MOST_FAILURES or bench.continuous_breaks >= MOST_BREAKS:
            return False
        if own != Batching.AUTO:
            return own == Batching.CONTINUOUS
        is_lossy = any(question.effective.record.get(name) is not None for name in facts.continuous_drops)
        return bench.batching == Batching.CONTINUOUS and not is_lossy

    def put_back(self, questions: Iterable[Question]) -> None:
        """Let these wait again, at their places."""
        self.waiting = sorted([*self.waiting, *questions], key=lambda question: question.arrival)

    def take_ended(self) -> list[GenerationResult]:
        """What waits and was called off, or has no more time, as results."""
        is_over = self.is_over
        ended = [question for question in self.waiting if is_over or self.is_cut(question.key)]
        if ended:
            keys = {question.key for question in ended}
            self.waiting = [question for question in self.waiting if question.key not in keys]
        return [self.hand_back(question.job, question.generator) for question in ended]

    def find_deadline(self, question: Question) -> float:
        """When a row that begins now must end."""
        own = self.bench.clock() + question.generator.read_timeout_seconds
        return own if self.until is None else min(own, self.until)

    def hand_back(self, job: GenerationJob, generator: GeneratorRecord, *, is_begun: bool = False) -> GenerationResult:
        reason = "The worker stopped before an answer came; the request waits for another one."
        if not is_begun and self.is_over and not self.is_cut(job.request_id):
            reason = "The batch's time was over before this request began; it goes back to the queue."
        return self.fail(job, generator, outcome=GenerationOutcome.TIMED_OUT, reason=reason, retry_after_seconds=0.0)

    def fail(
        self,
        job: GenerationJob,
        generator: GeneratorRecord,
        *,
        outcome: GenerationOutcome,
        reason: str,
        retry_after_seconds: float | None = None,
    ) -> GenerationResult:
        return give_failure(
            job,
            generator,
            facts=self.bench.model.facts,
            outcome=outcome,
            reason=reason,
            retry_after_seconds=retry_after_seconds,
        )

    def finish(
        self, question: Question, output: RowOutput | None, *, batching: Batching, compute_seconds: float
    ) -> GenerationResult:
        """The result of a row, whatever the model made of it."""
        try:
            if output is not None:
                return self._read(question, output, batching=batching, compute_seconds=compute_seconds)
            reason = "The model gave nothing for this request."
        except Exception as error:  # noqa: BLE001
            reason = f"What the model wrote could not be read ({type(error).__name__})."
        return self.fail(question.job, question.generator, outcome=GenerationOutcome.BAD_ANSWER, reason=reason)

    def _read(
        self, question: Question, output: RowOutput, *, batching: Batching, compute_seconds: float
    ) -> GenerationResult:
        facts, sampling = self.bench.model.facts, question.effective.sampling
        output = cut_at_end(output, stop_ids={*facts.stop_ids, *sampling.stop_ids})
        self.bench.progress.answers += 1
        self.bench.progress.tokens += len(output.tokens)
        if output.end == RowEnd.CUT:
            if self.is_cut(question.key) or self.is_over:
                return self.hand_back(question.job, question.generator, is_begun=True)
            reading = Reading(GenerationOutcome.TIMED_OUT, "cut", reason=_say_timed_out(question.generator))
        else:
            reading = read_output(
                self.bench.model.decode(output.tokens),
                tokens=output.tokens,
                end=output.end,
                stop=sampling.stop,
                open_tag=question.prompt.open_tag,
                keep_refusals=question.job.keep_refusals,
            )
        drops = facts.continuous_drops if batching == Batching.CONTINUOUS else ()
        return give_answer(
            question,
            reading,
            effective=without(question.effective, drops),
            output=output,
            facts=facts,
            batching=batching,
            compute_seconds=compute_seconds,
        )


def cut_at_end(output: RowOutput, *, stop_ids: set[int]) -> RowOutput:
    """What a row wrote before its first end token; a model that was told of them stops there by itself."""
    for place, token in enumerate(output.tokens):
        if token in stop_ids:
            end = output.end if output.end in {RowEnd.NOT_NUMBERS, RowEnd.STOP} else RowEnd.EOS
            return RowOutput(output.key, output.tokens[:place], end, output.seconds)
    return output


def share_seconds(seconds: float, outputs: Sequence[RowOutput | None]) -> list[float]:
    """A batch's time, shared among its rows by the tokens that they wrote."""
    weights = [1 + len(output.tokens) if output else 1 for output in outputs]
    return [seconds * weight / sum(weights) for weight in weights]


def _say_timed_out(generator: GeneratorRecord) -> str:
    return (
        f"The model did not finish its answer within {generator.read_timeout_seconds:g} seconds. Lower max_tokens, or "
        "raise the generator's time limit."
    )
