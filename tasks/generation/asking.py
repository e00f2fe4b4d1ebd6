"""From a job to the tokens that a model in this process is asked with: format, defusing, truncation, sampling."""

import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from tasks.generation.batches import Size
from tasks.generation.controls import Controls, defuse, find_controls
from tasks.generation.prompt_formats import find_format, guess_eos, suggest_format, write_thread
from tasks.generation.reasoning import find_open_tag
from tasks.generation.samplings import Effective, check_sampling, read_sampling
from tasks.generation.threads import fit_thread
from tasks.records.generation import GenerationJob, GeneratorRecord, Loading, Turn
from tasks.records.local_models import LocalModel, Row
from tasks.vocabulary import GenerationOutcome, MessageRole

#: Prompts that are remembered, so that the samples of one prompt are written and read once.
_REMEMBERED = 256
#: Of the model's context, so much is for the answer at most.
_ANSWER_SHARE = 0.5
#: Stands for a turn where only what is around it counts.
_NO_WORD = "\N{REPLACEMENT CHARACTER}" * 3
_ROLES = {MessageRole.PROMPTER: "user", MessageRole.ASSISTANT: "assistant"}


class Unaskable(Exception):
    """This job cannot be asked of this model; the message is a sentence for an organizer."""

    def __init__(self, outcome: GenerationOutcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Prompt:
    """A thread as tokens, and what was done to it.

    `turns_left_out`, `tokens_left_out`: of a thread that was too long, at its front. `is_folded`: the template has no
    place for a system prompt, so it stands in the first turn. `open_tag`: the template opened the model's reasoning.
    """

    tokens: tuple[int, ...]
    prefix: str
    defused: int
    turns_left_out: int
    tokens_left_out: int
    stop: tuple[str, ...] = ()
    stop_ids: tuple[int, ...] = ()
    is_folded: bool = False
    open_tag: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A job that is ready to be asked. `arrival`: its place in the order in which jobs came."""

    job: GenerationJob
    generator: GeneratorRecord
    prompt: Prompt
    effective: Effective
    seed: int
    arrival: int = 0

    @property
    def key(self) -> int:
        return self.job.request_id

    @property
    def size(self) -> Size:
        return Size(len(self.prompt.tokens), self.effective.sampling.max_tokens)

    def make_row(self, *, deadline: float) -> Row:
        return Row(
            key=self.key,
            prompt=self.prompt.tokens,
            sampling=self.effective.sampling,
            seed=self.seed,
            prefix=self.prompt.prefix,
            deadline=deadline,
        )


@dataclass(frozen=True, slots=True)
class _Written:
    """Some turns as text and tokens."""

    text: str
    tokens: tuple[int, ...]
    is_folded: bool = False


class Desk:
    """Makes questions for one model."""

    def __init__(self, model: LocalModel, *, loading: Loading, rng: random.Random) -> None:
        self._model = model
        self._rng = rng
        self._context = min(model.facts.context_tokens, loading.context_tokens or model.facts.context_tokens)
        self._prompts: dict[tuple[object, ...], Prompt] = {}
        self._specials = frozenset(self._find_ids(model.control_strings()))

    def find_problem(self, generator: GeneratorRecord) -> str | None:
        """What keeps every job of a generator from being asked, as a sentence; None when nothing does."""
        if problem := check_sampling(generator.sampling):
            return problem
        if generator.prompt_format:
            try:
                find_format(generator.prompt_format)
            except LookupError as error:
                return str(error.args[0])
        elif self._model.facts.template_sha256 is None:
            name = self._model.facts.name
            return (
                f"The model {name} has no chat template, so the generator must name a prompt format. By the model's name, "
                f'"{suggest_format(name)}" fits it.'
            )
        return None

    def ask(self, job: GenerationJob, generator: GeneratorRecord) -> Question:
        """Raises Unaskable."""
        if problem := self.find_problem(generator):
            raise Unaskable(GenerationOutcome.MODEL_UNAVAILABLE, problem)
        asked = read_sampling(generator.sampling).sampling.max_tokens
        answer = min(asked, max(math.floor(self._context * _ANSWER_SHARE), 1))
        prompt = self._find_prompt(job.thread, generator=generator, room=self._context - answer)
        if len(prompt.tokens) > self._context - answer:
            raise Unaskable(
                GenerationOutcome.PROMPT_TOO_LONG,
                f"The last turn alone is {len(prompt.tokens)} tokens long. The model reads {self._context} at most, of which "
                f"{answer} are kept for its answer. Lower max_tokens, or take a model that reads more.",
            )
        effective = read_sampling(
            generator.sampling,
            stop=prompt.stop,
            stop_ids=prompt.stop_ids,
            most_tokens=self._context - len(prompt.tokens),
        )
        seed = self._rng.getrandbits(31) if job.seed is None else job.seed
        return Question(job, generator, prompt, effective, seed)

    def _find_prompt(self, thread: tuple[Turn, ...], *, generator: GeneratorRecord, room: int) -> Prompt:
        key = (thread, generator.system_prompt, generator.prompt_format, room)
        found = self._prompts.get(key)
        if found is None:
            if len(self._prompts) >= _REMEMBERED:
                self._prompts.clear()
            found = self._prompts[key] = self._write_prompt(thread, generator=generator, room=room)
        return found

    def _write_prompt(self, thread: tuple[Turn, ...], *, generator: GeneratorRecord, room: int) -> Prompt:
        form = find_format(generator.prompt_format) if generator.prompt_format else None
        system = generator.system_prompt or ""
        model = self._model
        end = model.facts.eos_text or (guess_eos(form, model=model.facts.name) if form else "")
        controls = Controls(model.control_strings()) + (form.controls if form else self._template_controls)
        controls += Controls((end,) if end else ())
        parts = [defuse(turn.text, controls=controls, is_inert=self._is_inert) for turn in thread]
        turns = [Turn(turn.role, part.text) for turn, part in zip(thread, parts, strict=True)]

        def write(some: Sequence[Turn]) -> _Written:
            if form is None:
                return self._write_by_template(some, system=system)
            text = write_thread(form, turns=some, system_prompt=system, eos=end)
            return _Written(text, (*model.facts.begin_ids, *model.encode_marked(text)))

        fitted = fit_thread(turns, write=write, count=lambda written: len(written.tokens), room_tokens=room)
        written = fitted.prompt
        return Prompt(
            tokens=written.tokens,
            prefix=hashlib.blake2b(repr(written.tokens).encode("ascii"), digest_size=16).hexdigest(),
            defused=sum(part.count for part in parts[fitted.turns_left_out :]),
            turns_left_out=fitted.turns_left_out,
            tokens_left_out=fitted.tokens_left_out if fitted.turns_left_out else 0,
            stop=form.stop if form else (),
            stop_ids=self._find_ids(form.stop_tokens) if form else (),
            is_folded=written.is_folded,
            open_tag=find_open_tag(written.text),
        )

    def _write_by_template(self, turns: Sequence[Turn], *, system: str) -> _Written:
        """A template may refuse a system prompt, or leave it out without a word: then it goes into the first turn."""
        messages = [{"role": _ROLES[turn.role], "content": turn.text} for turn in turns]
        if system:
            text = self._try_template([{"role": "system", "content": system}, *messages])
            if text is not None and system.strip() in text:
                return _Written(text, self._model.encode_marked(text))
            messages[0] = {**messages[0], "content": f"{system}\n\n{messages[0]['content']}"}
        try:
            text = self._model.apply_template(messages)
        except ValueError as error:
            raise Unaskable(GenerationOutcome.MODEL_UNAVAILABLE, str(error)) from None
        return _Written(text, self._model.encode_marked(text), is_folded=bool(system))

    def _try_template(self, messages: Sequence[Mapping[str, str]]) -> str | None:
        try:
            return self._model.apply_template(messages)
        except ValueError:
            return None

    @cached_property
    def _template_controls(self) -> Controls:
        """What the model's template says who speaks with, found in what it writes around a thread without a word."""
        turns = [("user", _NO_WORD), ("assistant", _NO_WORD), ("user", _NO_WORD)]
        for most in (3, 1):
            text = self._try_template([{"role": role, "content": content} for role, content in turns[:most]])
            if text is not None:
                return find_controls(text.replace(_NO_WORD, ""))
        return Controls()

    def _is_inert(self, text: str) -> bool:
        """Whether the tokenizer reads no special token in a text. One that stands for what it cannot read is none."""
        read = [token for token in self._model.encode_marked(text) if token in self._specials]
        return len(read) <= sum(token in self._specials for token in self._model.encode(text))

    def _find_ids(self, strings: Sequence[str]) -> tuple[int, ...]:
        """Ids of those strings that the tokenizer knows as special tokens."""
        ids = []
        for string in strings:
            marked = self._model.encode_marked(string)
            if len(marked) == 1 and marked != self._model.encode(string):
                ids.append(marked[0])
        return tuple(ids)
