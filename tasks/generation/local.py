"""Candidates from a model that is loaded in this process: jobs of all its generators, answered in batches.

How a job goes:

1. It becomes a question: a thread as tokens, with a sampling that the model follows (`asking`).
2. Questions of like length share a padded batch, always with the one that waited longest (`batches`, `padded`); or each
   joins the model's continuous batch as soon as another one leaves it (`flows`).
3. A batch that does not fit in memory is halved. A row that does not fit alone is out of memory, and the process with it:
   `RestartNeeded`. What breaks a batch in another way is found by halving it too, and breaks its own request alone.
4. What comes out is read (`outputs`): one result for each job, whatever happens to the others.
"""

import random
from collections.abc import Callable, Iterable, Iterator

from tasks.generation.flows import answer_continuous
from tasks.generation.local_runs import Asked, Progress, RestartNeeded, Run, set_up
from tasks.generation.padded import answer_padded
from tasks.records.generation import GenerationResult, GeneratorRecord, Loading
from tasks.records.local_models import LocalModel
from tasks.vocabulary import Batching

__all__ = ["Asked", "LocalEngine", "Progress", "RestartNeeded"]


#: So many batches' rows wait here, so that rows of like length are found; more would keep other workers waiting.
_BATCHES_AHEAD = 2


class LocalEngine:
    """Answers with one model. `batching` is the way that was chosen for it; `auto` is padded, until a probe says more.

    `clock` is the one that the model was loaded with.
    """

    def __init__(
        self,
        model: LocalModel,
        *,
        loading: Loading,
        clock: Callable[[], float],
        rng: random.Random,
        batching: Batching = Batching.AUTO,
    ) -> None:
        self._bench = set_up(model, loading=loading, clock=clock, rng=rng, batching=batching)

    @property
    def progress(self) -> Progress:
        """What it is doing now; it may be read from another thread."""
        return self._bench.progress

    @property
    def most_rows(self) -> int:
        """Rows that a padded batch may have now; fewer for a while after one did not fit in memory."""
        return self._bench.limits.rows

    def find_problem(self, generator: GeneratorRecord) -> str | None:
        """What keeps this model from answering anything for a generator, as a sentence; None when nothing does."""
        return self._bench.desk.find_problem(generator)

    def answer(
        self,
        asked: Iterable[Asked],
        *,
        is_cut: Callable[[int], bool] = lambda _: False,
        until: float | None = None,
    ) -> Iterator[GenerationResult]:
        """Answer each job once, as the answers come in; no single job makes this raise.

        `asked` is read as room becomes free, and may go on for ever; request ids are unique in it. A job for which
        `is_cut` is true is handed back, and so is what is not done by `until`, with `retry_after_seconds` 0.
        Raises RestartNeeded alone.
        """
        run = Run(self._bench, asked, is_cut=is_cut, until=until)
        try:
            while True:
                yield from run.fill(_BATCHES_AHEAD * self.most_rows)
                yield from run.take_ended()
                if any(map(run.flows, run.waiting)):
                    yield from answer_continuous(run)
                if run.waiting:
                    yield from answer_padded(run)
                elif run.is_exhausted:
                    return
        finally:
            self.progress.running = self.progress.waiting = 0
