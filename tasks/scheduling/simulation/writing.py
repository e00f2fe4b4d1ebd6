"""What made-up volunteers of a growing campaign write, and what they think of what others wrote.

A text is made of words of its topic, which no language has, and ends with a mark by which its worth is known again. Its worth is
its author's craft and chance. Whoever judges sees it at their sharpness, bent by the opinion of their group, through noise:
the same volunteers as in rankings of what is there (tasks.scheduling.simulation.evidence).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import exp, log
from random import Random
from typing import Any

from tasks.scheduling.simulation.volunteers import Crowd
from tasks.vocabulary import PromptLength

#: Topics that people write about of their own accord: the first twice as often as the second, and so on (Zipf).
TOPICS = 8
#: Words of each topic, and those that every text has; how many of a text's words are of its topic.
TOPIC_WORDS, COMMON_WORDS, OF_TOPIC = 14, 30, 0.6
#: Words of a text of each length, and how often each is written where none is asked for.
LENGTHS: Mapping[str, tuple[int, int, float]] = {
    PromptLength.SHORT: (4, 9, 0.5), PromptLength.MIDDLE: (16, 45, 0.4), PromptLength.LONG: (75, 110, 0.1),
}  # fmt: skip
#: How people's craft differs, and how one text of theirs differs from another.
CRAFT, CHANCE = 0.7, 0.8
#: How far a group of another opinion sees a text differently.
TILT = 0.7
#: Texts without effort by people who mean well, replies after which a conversation is called finished, and by how much an
#: improvement is better than what it improves, on the mean.
LAPSES, FINISHED, BETTER = 0.02, 0.1, 0.5
#: Of spam, on the scale of worth.
WORTHLESS = -4.0
_SOUNDS = ("b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "br", "st", "tr")


@dataclass(frozen=True, slots=True)
class Written:
    """What is true of a text: its worth, how opinions bend it and whether it is spam, which nobody is told; topic and length."""

    worth: float
    tilt: tuple[float, ...]
    is_spam: bool
    topic: str
    length: PromptLength


@dataclass
class Authors:
    """The volunteers as authors and judges; `texts`: what was written, by its mark."""

    crowd: Crowd
    rng: Random
    texts: dict[str, Written] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.craft = [self.rng.gauss(0.0, CRAFT) for _ in range(len(self.crowd))]
        self.groups = int(self.crowd.opinion.max()) + 1 if len(self.crowd) else 1

    def make_prompt(self, person: int, *, language: str, topic: str = "", length: str = "") -> Written:
        """Return a prompt, as a brief asks for it; of a topic of their own and of any length where it does not say."""
        about = find_topic(language, topic) if topic else self._choose_topic(person)
        return self._make(person, about, length=length)

    def make_reply(self, person: int, topic: str) -> Written:
        """Return a next message of a conversation about this."""
        return self._make(person, topic)

    def make_improvement(self, person: int, before: Written) -> Written:
        """Return a version of a reply that is better, more often than not."""
        return self._make(person, before.topic, worth=before.worth + self.rng.gauss(BETTER, CHANCE / 2))

    def write_prompt(self, person: int, *, language: str, topic: str = "", length: str = "") -> str:
        """Return the text of a prompt."""
        return self._word(self.make_prompt(person, language=language, topic=topic, length=length), language)

    def write_reply(self, person: int, thread: Sequence[Mapping[str, str]], *, language: str) -> str:
        """Return the text of a next message under a conversation, of what its beginning is about."""
        topic = self.find(thread[0]["text"]).topic if thread else ""
        return self._word(self.make_reply(person, topic), language)

    def improve(self, person: int, original: str, *, language: str) -> str:
        """Return the text of a better version of a reply."""
        return self._word(self.make_improvement(person, self.find(original)), language)

    def ends_thread(self) -> bool:
        """Return whether somebody calls a conversation finished rather than going on with it."""
        return self.rng.random() < FINISHED

    def find(self, text: str) -> Written:
        """Return what is true of a text; of one that nobody here wrote: nothing in particular."""
        return self.texts.get(text.rsplit(None, 1)[-1] if text.strip() else "", PLAIN)

    def rank(self, person: int, candidates: Mapping[str, str]) -> list[list[str]]:
        """Return handles, the best text first. Without sharpness it is dice."""
        seen = {handle: self.see(person, self.find(text)) for handle, text in candidates.items()}
        return [[handle] for handle in sorted(seen, key=lambda handle: -seen[handle])]

    def label(self, person: int, dimensions: Sequence[Mapping[str, Any]], text: str) -> dict[str, Any]:
        """Return answers to the questions of a form: whether it is spam, and what is mandatory or a scale."""
        given: dict[str, Any] = {}
        written, sharpness = self.find(text), max(float(self.crowd.sharpness[person]), 0.05)
        for dimension in dimensions:
            name = dimension["name"]
            if name == "spam":
                given[name] = self.sees_spam(person, written)
            elif dimension["widget"] == "scale":
                share = 1 / (1 + exp(-min(max(self.see(person, written) / sharpness, -30.0), 30.0)))
                given[name] = min(dimension["anchors"], key=lambda anchor: abs(anchor["value"] - share))["value"]
            elif dimension["mandatory"]:
                given[name] = False
        return given or {dimensions[0]["name"]: False}

    def sees_spam(self, person: int, written: Written) -> bool:
        """Return what somebody says: wrong once in ten times for each unit of sharpness, half of the time without any."""
        is_wrong = self.rng.random() < 0.5 * 10 ** -float(self.crowd.sharpness[person])
        return written.is_spam != is_wrong

    def see(self, person: int, written: Written) -> float:
        """Return what a text seems worth to somebody this time."""
        bent = written.tilt[int(self.crowd.opinion[person])] if written.tilt else 0.0
        return float(self.crowd.sharpness[person]) * (written.worth + bent) - log(-log(max(self.rng.random(), 1e-12)))

    def _choose_topic(self, person: int) -> str:
        likes = self.crowd.likes[person]
        weights = [float(likes[number % len(likes)]) / (number + 1) for number in range(TOPICS)]
        return f"topic {self.rng.choices(range(TOPICS), weights)[0]}"

    def _make(self, person: int, topic: str, *, length: str = "", worth: float | None = None) -> Written:
        is_spam = bool(self.crowd.is_spam[person]) or self.rng.random() < LAPSES
        usual = [share for _, _, share in LENGTHS.values()]
        chosen = length or self.rng.choices(list(LENGTHS), usual)[0]
        if worth is None:
            worth = self.craft[person] + self.rng.gauss(0.0, CHANCE)
        tilt = tuple(TILT * self.rng.gauss(0.0, 1.0) for _ in range(self.groups))
        # Spam is short, whatever was asked for.
        if is_spam:
            return Written(WORTHLESS, tilt, is_spam=True, topic=topic, length=PromptLength.SHORT)
        return Written(worth, tilt, is_spam=False, topic=topic, length=PromptLength(chosen))

    def _word(self, written: Written, language: str) -> str:
        """Return a text in which that is true, and keep it by its mark."""
        low, high, _ = LENGTHS[written.length]
        own, common = list_words(language, written.topic), list_words(language, "")
        more = 1 if written.is_spam else self.rng.randint(low, high) - 1
        words = [self.rng.choice(own)]
        words += [self.rng.choice(own if self.rng.random() < OF_TOPIC else common) for _ in range(more)]
        mark = f"x{len(self.texts):x}"
        self.texts[mark] = written
        return " ".join([*words, mark])


#: A text that none of the volunteers wrote.
PLAIN = Written(0.0, (), is_spam=False, topic="", length=PromptLength.MIDDLE)


def find_topic(language: str, name: str) -> str:
    """Return the topic that a name means: one that a program named by its words, or one of that name."""
    asked = set(name.casefold().replace(",", " ").split())
    for number in range(TOPICS):
        if asked & set(list_words(language, f"topic {number}")):
            return f"topic {number}"
    return name


@lru_cache(maxsize=4096)
def list_words(language: str, topic: str) -> tuple[str, ...]:
    """Return the words of a topic in a language, or of "" those that every text of the language has: always the same ones."""
    rng = Random(f"{language}/{topic}")  # noqa: S311  (dice of a simulation)
    count, syllables = (TOPIC_WORDS, 3) if topic else (COMMON_WORDS, 1)
    return tuple(
        "".join(rng.choice(_SOUNDS) + rng.choice("aeiou") for _ in range(syllables + rng.randint(0, 1)))
        for _ in range(count)
    )


__all__ = ["Authors", "find_topic", "list_words"]
