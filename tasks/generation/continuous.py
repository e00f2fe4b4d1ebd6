"""A continuous batch: each question joins as soon as there is room, and leaves it with its answer.

What a continuous batch cannot do goes to padded ones: a row longer than its cache, one whose sampling it would not
follow (where nobody asked for continuous batching by name), and all that it lost or left behind when it failed.
"""

import logging
from collections import deque
from collections.abc import Iterator

from tasks.generation.asking import Question
from tasks.generation.local_runs import RestartNeeded, Run
from tasks.generation.padded import looks_lost
from tasks.records.generation import GenerationResult
from tasks.records.local_models import OutOfMemory, Row
from tasks.vocabulary import Batching

log = logging.getLogger(__name__)

#: A continuous batch that did not fit is tried with half the cache, this often in the life of the process.
MOST_FAILURES = 3


def answer_continuous(run: Run) -> Iterator[GenerationResult]:
    """Until there is nothing more to pull, or enough waits for a padded batch; all else is then in `run.waiting`."""
    bench = run.bench
    while bench.continuous_failures < MOST_FAILURES:
        cache_tokens = max(bench.measure_cells() >> bench.continuous_failures, 1)
        flow = _Flow(run, cache_tokens=cache_tokens)
        outputs = bench.model.generate_continuous(flow.feed(), is_cut=run.is_cut, cache_tokens=cache_tokens)
        try:
            for output in outputs:
                question = flow.leave(output.key)
                yield from flow.take_done()
                if question is not None:
                    share = flow.take_share(output.key)
                    yield run.finish(question, output, batching=Batching.CONTINUOUS, compute_seconds=share)
        except (OutOfMemory, MemoryError):
            bench.continuous_failures += 1
            log.warning("a continuous batch with room for %s tokens did not fit in memory", cache_tokens)
            bench.clear()
        except Exception as error:
            if looks_lost(error):
                raise RestartNeeded(f"The device failed: {error}") from error
            bench.continuous_failures += 1
            log.exception("a continuous batch failed; its rows go on in padded ones")
            bench.clear()
            yield from flow.end()
            return
        else:
            yield from flow.end()
            return
        yield from flow.end(again=True)
    bench.is_continuous = False


class _Flow:
    """The questions in one continuous batch, and how its time is shared among them.

    While n rows are in it, each second counts for each of them as 1/n of a second.
    """

    def __init__(self, run: Run, *, cache_tokens: int) -> None:
        self._run = run
        self._cache_tokens = cache_tokens
        self._inside: dict[int, Question] = {}
        self._began: dict[int, float] = {}
        self._shared = 0.0
        self._seen = run.bench.clock()
        self._done: deque[GenerationResult] = deque()
        self._padded: list[Question] = []
        self._again = deque(run.waiting)
        run.waiting = []

    def feed(self) -> Iterator[Row]:
        """Rows for the model, as it asks for them."""
        run = self._run
        while len(self._padded) < run.bench.limits.rows:
            pulled = self._again.popleft() if self._again else run.pull()
            if pulled is None:
                return
            if isinstance(pulled, GenerationResult):
                self._done.append(pulled)
            elif run.is_over or run.is_cut(pulled.key):
                self._done.append(run.hand_back(pulled.job, pulled.generator))
            elif self._needs_padding(pulled):
                self._padded.append(pulled)
            else:
                self._count()
                self._inside[pulled.key] = pulled
                self._began[pulled.key] = self._shared
                run.bench.progress.running = len(self._inside)
                yield pulled.make_row(deadline=run.find_deadline(pulled))

    def leave(self, key: int) -> Question | None:
        self._count()
        question = self._inside.pop(key, None)
        self._run.bench.progress.running = len(self._inside)
        return question

    def take_share(self, key: int) -> float:
        return self._shared - self._began.pop(key)

    def take_done(self) -> Iterator[GenerationResult]:
        while self._done:
            yield self._done.popleft()

    def end(self, *, again: bool = False) -> Iterator[GenerationResult]:
        """Nothing more comes out. What is left waits again: for another continuous batch, or for padded ones."""
        self._run.put_back([*self._inside.values(), *self._padded, *self._again])
        self._run.bench.progress.running = 0
        yield from self.take_done()

    def _needs_padding(self, question: Question) -> bool:
        if question.size.tokens > self._cache_tokens:
            return True
        drops = set(self._run.bench.model.facts.continuous_drops) - {"seed"}
        is_lossy = any(question.effective.record.get(name) is not None for name in drops)
        return is_lossy and self._run.bench.loading.batching == Batching.AUTO

    def _count(self) -> None:
        now = self._run.bench.clock()
        if self._inside:
            self._shared += max(now - self._seen, 0.0) / len(self._inside)
        self._seen = now
