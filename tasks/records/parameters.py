"""The parameters of a campaign: their names, defaults, ranges and what each means. Validated here, once."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from tasks.vocabulary import PolicyName


@dataclass(frozen=True, slots=True)
class Range:
    """What a number may be, ends included."""

    low: float
    high: float
    optional: bool = False


@dataclass(frozen=True, slots=True)
class CampaignSettings:
    """Values in force for one campaign.

    redundancy              judgments each unit needs (unless certainty decides, see stop_confidence)
    candidates_shown        candidates one ranking shows at most; a parent with more is ranked by subsets
    replies_wanted          replies by people that a prompt asks for, where writing is enabled
    lease_seconds           how long a hold lasts without activity
    offered_lease_seconds   how long one given along with a submit lasts until its first sign of activity
    max_held                holds one person may have at once in the campaign
    daily_cap               judgments one person may give in 24 hours; None: no limit
    max_text_chars          longest text somebody may write
    require_rationale       whether every judgment needs its reason in words
    stop_confidence         certainty of the whole order at which a unit stops asking; None: it stops nothing. Without this,
                            stop_best and least_gain redundancy is fixed
    stop_best               probability that the first is the best at which a unit stops asking; None: it stops nothing
    least_gain              expected rise of the certainty by one more judgment below which a unit stops asking, since a
                            judgment is not worth its time any more (see tasks.agreement.gain); None: it stops nothing
    min_judgments           fewest judgments before certainty may close a unit
    max_judgments           most judgments that uncertainty may ask for
    grow_trees              whether trees grow here: reviews, turns and states follow (see tasks.scheduling.tree_states)
    goal_tree_size          accepted messages at which a tree has grown, its prompt included
    min_goal_tree_size      None: every tree grows to goal_tree_size; else each to a size drawn from here to there
    max_tree_depth          replies on the longest thread of a tree
    prompter_replies        turns by prompters that each assistant's reply asks for
    lonely_child_preference how often a prompt that has one reply is preferred, so that it can be ranked
    min_reviews             reviewers who decide on a message when they agree
    max_reviews             reviewers who are asked at most when they do not
    review_floor            fewest reviews that may decide in a language that has too few reviewers
    acceptance_threshold    a message is accepted when the share of reviewers without an objection is above it
    full_label_share_prompts, full_label_share_prompter, full_label_share_assistant
                            how often reviewers are asked all questions instead of the simple form's
    rank_prompts            whether waiting prompts are ranked, so that better ones have their turn first
    rank_prompter_replies   whether turns by prompters are ranked too
    active_trees            trees of one language that grow at once
    waiting_prompts         prompts that should wait for their turn in each language
    max_waiting_prompts     of prompts that people wrote, more than these are retired, the oldest first
    prompt_days             days after which a prompt that somebody wrote, that waits and is not needed is retired
    patience_days           days after which a tree that nobody works on ends as it is
    pair_share              share of the wanted prompts that are asked for as a prompt with its reply
    improvements_wanted     improvements that each prompt's imported or generated replies ask for
    report_limit            open reports that hide a message until a moderator has looked
    skip_limit              skips that halt a tree until a moderator has looked
    reviewer_days           days within which somebody who worked in a language counts as its reviewer
    candidates_per_prompt   candidates that generators write for each prompt, by a balanced design of who answers what;
                            None: every generator answers every prompt
    redraws                 how often an answer is drawn again that is nearly the same as another one, or is none
    near_duplicate_similarity
                            share of what two candidates have in common (Jaccard) from which they are nearly the same
    keep_refusals           whether a text that only says that the model will not answer is a candidate like any other
    weigh_reliability       whether the consensus trusts those more whose rankings others confirm (see tasks.agreement.reliability)
    gold_share              share of the work that is gold: items whose answer is known, which nobody can tell apart; 0: none
    training_judgments      first judgments of a person among which gold is more frequent, from 40 % falling to 10 %; 0: none
    explain_gold            whether the answer of a gold item is explained at once, or only when the item is retired
    show_leaderboard        whether whoever judges sees how the generators compare before the campaign is closed
    policy                  what decides which unit is wanted most (see tasks.vocabulary.PolicyName)
    rival_policy            another one, by which half of the prompts are scheduled, so that both can be compared; None: none
    match_people            whether people are given what fits them: what their reliability, their interests and those who were
                            asked before make worth most, among the few units that are wanted most
    random_share            share of the work that is drawn by lot from all that somebody may do, so that what people are
                            given by choice can be compared with it
    wait_days               days after which a unit that waits has every eighth place of its queue
    open_briefs             whether the scheduler asks for prompts where too few are written
    ask_variety             whether further generators are asked where candidates are too much alike
    topics                  topics that are looked for among the prompts; None: as many as their number suggests
    embedder                what places prompts by what they mean: "hashing", "transformers:NAME" or "server:NAME/MODEL"
    release_target          judgments at which a release is made, with schedule "target"; None: none
    """

    redundancy: int = 3
    candidates_shown: int = 4
    replies_wanted: int = 3
    lease_seconds: float = 1800
    offered_lease_seconds: float = 120
    max_held: int = 8
    daily_cap: int | None = None
    max_text_chars: int = 20_000
    require_rationale: bool = False
    stop_confidence: float | None = None
    stop_best: float | None = None
    least_gain: float | None = None
    min_judgments: int = 2
    max_judgments: int = 12
    grow_trees: bool = False
    goal_tree_size: int = 12
    min_goal_tree_size: int | None = None
    max_tree_depth: int = 4
    prompter_replies: int = 1
    lonely_child_preference: float = 0.75
    min_reviews: int = 2
    max_reviews: int = 5
    review_floor: int = 1
    acceptance_threshold: float = 0.6
    full_label_share_prompts: float = 1.0
    full_label_share_prompter: float = 0.25
    full_label_share_assistant: float = 1.0
    rank_prompts: bool = False
    rank_prompter_replies: bool = False
    active_trees: int = 10
    waiting_prompts: int = 20
    max_waiting_prompts: int = 250
    prompt_days: int = 60
    patience_days: int = 30
    pair_share: float = 0.25
    improvements_wanted: int = 1
    report_limit: int = 4
    skip_limit: int = 25
    reviewer_days: int = 14
    candidates_per_prompt: int | None = None
    redraws: int = 2
    near_duplicate_similarity: float = 0.8
    keep_refusals: bool = True
    weigh_reliability: bool = False
    gold_share: float = 0
    training_judgments: int = 0
    explain_gold: bool = False
    show_leaderboard: bool = False
    policy: str = "coverage"
    rival_policy: str | None = None
    match_people: bool = True
    random_share: float = 0.05
    wait_days: int = 14
    open_briefs: bool = False
    ask_variety: bool = False
    topics: int | None = None
    embedder: str = "hashing"
    release_target: int | None = None

    @property
    def stops_by_certainty(self) -> bool:
        """Whether what is known of a unit decides how many judgments it gets, within min_judgments and max_judgments."""
        return not (self.stop_confidence is None and self.stop_best is None and self.least_gain is None)


RANGES: Mapping[str, Range] = {
    "redundancy": Range(1, 100),
    "candidates_shown": Range(2, 8),
    "replies_wanted": Range(1, 20),
    "lease_seconds": Range(30, 86_400),
    "offered_lease_seconds": Range(15, 3_600),
    "max_held": Range(1, 100),
    "daily_cap": Range(1, 100_000, optional=True),
    "max_text_chars": Range(100, 200_000),
    "stop_confidence": Range(0.5, 0.999, optional=True),
    "stop_best": Range(0.5, 0.999, optional=True),
    "least_gain": Range(0.0001, 0.2, optional=True),
    "min_judgments": Range(1, 100),
    "max_judgments": Range(1, 100),
    "goal_tree_size": Range(1, 500),
    "min_goal_tree_size": Range(1, 500, optional=True),
    "max_tree_depth": Range(1, 50),
    "prompter_replies": Range(0, 20),
    "lonely_child_preference": Range(0, 1),
    "min_reviews": Range(1, 20),
    "max_reviews": Range(1, 20),
    "review_floor": Range(1, 20),
    "acceptance_threshold": Range(0, 0.99),
    "full_label_share_prompts": Range(0, 1),
    "full_label_share_prompter": Range(0, 1),
    "full_label_share_assistant": Range(0, 1),
    "active_trees": Range(1, 100_000),
    "waiting_prompts": Range(0, 100_000),
    "max_waiting_prompts": Range(0, 1_000_000),
    "prompt_days": Range(1, 3_650),
    "patience_days": Range(1, 3_650),
    "pair_share": Range(0, 1),
    "improvements_wanted": Range(0, 20),
    "report_limit": Range(1, 1_000),
    "skip_limit": Range(1, 10_000),
    "reviewer_days": Range(1, 365),
    "candidates_per_prompt": Range(1, 32, optional=True),
    "redraws": Range(0, 10),
    "near_duplicate_similarity": Range(0.5, 1),
    "gold_share": Range(0, 0.5),
    "training_judgments": Range(0, 1_000),
    "random_share": Range(0, 0.5),
    "wait_days": Range(1, 365),
    "topics": Range(2, 500, optional=True),
    "release_target": Range(1, 1_000_000_000, optional=True),
}
#: Words, by the parameter that is one of them; None is one where the parameter may be left out.
CHOICES: Mapping[str, tuple[str | None, ...]] = {
    "policy": tuple(policy.value for policy in PolicyName),
    "rival_policy": (None, *(policy.value for policy in PolicyName)),
}
#: Parameters that are words of a form of their own, with that form and how it is said.
_SERVER = r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}"
FORMS: Mapping[str, tuple[str, str]] = {
    "embedder": (
        rf"hashing|transformers:[^\s:]{{1,120}}|server:{_SERVER}/[^\s]{{1,120}}",
        '"hashing", "transformers:" and a model\'s name or folder, or "server:" and a server\'s name, "/" and a model\'s name',
    ),
}
NAMES = tuple(f.name for f in fields(CampaignSettings))
BOOLEAN = frozenset(
    {
        "require_rationale",
        "grow_trees",
        "rank_prompts",
        "rank_prompter_replies",
        "keep_refusals",
        "weigh_reliability",
        "show_leaderboard",
        "explain_gold",
        "match_people",
        "open_briefs",
        "ask_variety",
    }
)
FRACTIONAL = frozenset(
    {
        "lease_seconds",
        "offered_lease_seconds",
        "stop_confidence",
        "stop_best",
        "least_gain",
        "lonely_child_preference",
        "acceptance_threshold",
        "full_label_share_prompts",
        "full_label_share_prompter",
        "full_label_share_assistant",
        "pair_share",
        "near_duplicate_similarity",
        "gold_share",
        "random_share",
    }
)


def find_problems(values: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with `values`, by name, each as a sentence; empty when they can be used.

    What is not among them is as by default. Of values that are to be put over others ask `check_value` one by one.
    """
    problems = {
        name: f"There is no parameter {name!r}; the parameters are {', '.join(NAMES)}."
        for name in values
        if name not in NAMES
    }
    for name, value in values.items():
        if name in NAMES and (problem := check_value(name, value)):
            problems[name] = problem
    return problems or _find_contradictions(read_settings(values))


def _find_contradictions(settings: CampaignSettings) -> dict[str, str]:
    """What is wrong with values of which each by itself is right."""
    told = (
        (
            settings.max_judgments < settings.min_judgments,
            "max_judgments",
            "max_judgments must be at least min_judgments.",
        ),
        (
            settings.stops_by_certainty and settings.max_judgments < settings.redundancy,
            "max_judgments",
            "max_judgments must be at least redundancy where certainty stops asking.",
        ),
        (
            settings.max_reviews < settings.min_reviews,
            "max_reviews",
            "max_reviews must be at least min_reviews.",
        ),
        (
            settings.review_floor > settings.min_reviews,
            "review_floor",
            "review_floor must be at most min_reviews.",
        ),
        (
            settings.min_goal_tree_size is not None and settings.min_goal_tree_size > settings.goal_tree_size,
            "min_goal_tree_size",
            "min_goal_tree_size must be at most goal_tree_size.",
        ),
        (
            settings.rival_policy == settings.policy,
            "rival_policy",
            "rival_policy must be another one than policy.",
        ),
        (
            settings.offered_lease_seconds > settings.lease_seconds,
            "offered_lease_seconds",
            "offered_lease_seconds must be at most lease_seconds.",
        ),
    )
    return {name: sentence for is_wrong, name, sentence in told if is_wrong}


def read_settings(values: Mapping[str, Any]) -> CampaignSettings:
    """Settings from stored values; a name that an older version stored and this one dropped is passed over."""
    return CampaignSettings(**{name: value for name, value in values.items() if name in NAMES})


@lru_cache(maxsize=256)
def parse_settings(stored: str) -> CampaignSettings:
    """Settings from stored values as JSON; the same text means the same settings, so that a process reads it once."""
    return read_settings(json.loads(stored))


def check_value(name: str, value: Any) -> str | None:
    """What is wrong with the value of a parameter, whatever the others are."""
    if name in BOOLEAN:
        return None if isinstance(value, bool) else f"{name} must be true or false."
    if name in CHOICES:
        return None if value in CHOICES[name] else f"{name} must be {_list_words(CHOICES[name])}."
    if name in FORMS:
        form, said = FORMS[name]
        return None if isinstance(value, str) and re.fullmatch(form, value) else f"{name} must be {said}."
    allowed = RANGES[name]
    if value is None and allowed.optional:
        return None
    number = float if name in FRACTIONAL else int
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or (number is int and not isinstance(value, int)) or not allowed.low <= value <= allowed.high:
        kind = "a number" if number is float else "a whole number"
        none = " or null" if allowed.optional else ""
        return f"{name} must be {kind} from {allowed.low:g} to {allowed.high:g}{none}."
    return None


def _list_words(words: Sequence[str | None]) -> str:
    return ", ".join("null" if word is None else f'"{word}"' for word in words[:-1]) + f' or "{words[-1]}"'
