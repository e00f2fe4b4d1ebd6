"""A continuous batch: each question joins as soon as there is room, and leaves it with its answer.

What a continuous batch cannot do waits for padded ones: a row longer than its cache, one whose sampling it would not
follow, and all that it lost.
"""

import logging
from collections import deque
from collections.abc import Iterator

from tasks.generation.asking import Question
from tasks.generation.local_runs import MOST_BREAKS, RestartNeeded, Run
from tasks.generation.padded import looks_lost
from tasks.records.generation import GenerationResult
from tasks.records.local_models import OutOfMemory, Row
from tasks.vocabulary import Batching

log = logging.getLogger(__name__)


def answer_continuous(run: Run) -> Iterator[GenerationResult]:
    """Until there is nothing more to pull, or enough waits for a padded batch. What is left is in `run.waiting`."""
    bench = run.bench
    cache_tokens = _choose_cache(run)
    flow = _Flow(run, cache_tokens=cache_tokens)
    try:
        outputs = bench.model.generate_continuous(flow.feed(), is_cut=run.is_cut, cache_tokens=cache_tokens)
        for output in outputs:
            question, share = flow.leave(output.key)
            if question is not None:
                yield run.finish(question, output, batching=Batching.CONTINUOUS, compute_seconds=share)
            yield from flow.take_done()
        run.padded_only.update(flow.inside)
    except (OutOfMemory, MemoryError):
        log.warning("a continuous batch with a cache for %s tokens did not fit in memory", cache_tokens)
        bench.continuous_failures += 1
        bench.clear()
    except Exception as error:
        if looks_lost(error):
            raise RestartNeeded(f"The device failed: {error}", suspects=flow.inside) from error
        log.exception("a continuous batch failed; its rows go on in padded ones")
        run.padded_only.update(flow.inside)
        bench.continuous_breaks += 1
        if bench.continuous_breaks == MOST_BREAKS:
            log.error("continuous batching broke %s times: this process goes on without it", MOST_BREAKS)  # noqa: TRY400
        bench.clear()
    if not flow.is_used:
        bench.continuous_breaks = MOST_BREAKS
    yield from flow.end()


def _choose_cache(run: Run) -> int:
    """Tokens that the cache is made for: it is taken whole, so no more than the longest that wait would fill."""
    bench = run.bench
    longest = max(question.size.tokens for question in run.waiting)
    return max(min(bench.measure_cells(), bench.limits.rows * longest) >> bench.continuous_failures, 1)


class _Flow:
    """The questions in one continuous batch, and how its time is shared among them.

    While n rows are in it, each second counts for each of them as 1/n of a second.
    """

    def __init__(self, run: Run, *, cache_tokens: int) -> None:
        self._run = run
        self._cache_tokens = cache_tokens
        self.inside: dict[int, Question] = {}
        self._began: dict[int, float] = {}
        self._shared = 0.0
        self._seen = run.bench.clock()
        self._done: deque[GenerationResult] = deque()
        self.is_used = False
        self._parked: list[Question] = []
        self._first = deque(run.waiting)
        run.waiting = []

    def feed(self) -> Iterator[Row]:
        """Rows for the model, as it asks for them."""
        run = self._run
        while len(self._parked) < run.bench.limits.rows:
            self.is_used = True
            pulled = self._first.popleft() if self._first else run.pull()
            if pulled is None:
                return
            if isinstance(pulled, GenerationResult):
                self._done.append(pulled)
            elif run.is_over or run.is_cut(pulled.key):
                self._done.append(run.hand_back(pulled.job, pulled.generator))
            elif not run.flows(pulled) or pulled.size.tokens > self._cache_tokens:
                run.padded_only.add(pulled.key)
                self._parked.append(pulled)
            else:
                self._count()
                self.inside[pulled.key] = pulled
                self._began[pulled.key] = self._shared
                run.bench.progress.running = len(self.inside)
                yield pulled.make_row(deadline=run.find_deadline(pulled))

    def leave(self, key: int) -> tuple[Question | None, float]:
        """The question of this key, and its share of the time; None when it is not, or no longer, in the batch."""
        self._count()
        question = self.inside.pop(key, None)
        self._run.bench.progress.running = len(self.inside)
        return question, self._shared - self._began.pop(key, self._shared)

    def take_done(self) -> Iterator[GenerationResult]:
        while self._done:
            yield self._done.popleft()

    def end(self) -> Iterator[GenerationResult]:
        """Nothing more comes out; what is left waits again."""
        self._run.put_back([*self.inside.values(), *self._parked, *self._first])
        self._run.bench.progress.running = 0
        yield from self.take_done()

    def _count(self) -> None:
        now = self._run.bench.clock()
        if self.inside:
            self._shared += max(now - self._seen, 0.0) / len(self.inside)
        self._seen = now
