"""Everything that is known of some trees when their state and their work are decided: six statements, however many trees.

Each look-up is one descent of an index for each tree, message or unit. Nothing here writes. Whoever decides by
these facts holds the locks of the trees, so that no message comes or goes meanwhile; counters of units may.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from annotate.models import LabelDimension, LanguageSupply
from annotate.queries.rows import Row, fetch_all
from tasks.records.parameters import CampaignSettings, read_settings
from tasks.records.trees import MessageFact, TreeFacts, TreeRules, UnitFact, Verdict
from tasks.vocabulary import (
    ORDERING_KINDS,
    CampaignState,
    Kind,
    MessageRole,
    ReasonCode,
    ReviewState,
    TreeReason,
    TreeState,
)

#: Questions of a label schema that decide whether a message is accepted, by name; at this value they object.
SPAM = "spam"
WRONG_LANGUAGE = "lang_mismatch"
OBJECTS_FROM = 0.5

_TREES = """
SELECT t.id, t.campaign_id, t.stratum_id, t.state, t.state_reason, t.language, t.goal_size, t.drawn_at, t.state_changed_at,
  c.parameters::text AS parameters, c.kinds, c.state AS campaign_state, c.state_changed_at AS campaign_changed_at,
  c.label_schema_id
FROM annotate_messagetree t JOIN annotate_campaign c ON c.id = t.campaign_id
WHERE t.id = ANY(%(trees)s::bigint[]) ORDER BY t.id"""

_MESSAGES = """
SELECT m.id, m.tree_id, m.parent_id, m.role, m.thread, m.review_state, m.reviewed_at, m.author_id, m.created_at,
  m.removed_at IS NOT NULL OR m.withdrawn_at IS NOT NULL AS is_gone,
  CASE WHEN m.author_id IS NULL THEN EXISTS (SELECT 1 FROM annotate_messageorigin o
    WHERE o.message_id = m.id AND o.generator_id IS NOT NULL) ELSE false END AS is_generated
FROM annotate_message m WHERE m.tree_id = ANY(%(trees)s::bigint[]) ORDER BY m.id"""

_UNITS = """
SELECT u.id, u.kind, u.subject_id, u.band, u.needed, u.done, u.held, u.surplus, u.is_open, u.is_simple, q.is_gold,
  CASE WHEN u.kind = ANY(%(ordering)s::text[]) THEN ARRAY(SELECT c.message_id FROM annotate_unitcandidate c
    WHERE c.unit_id = u.id AND c.removed_at IS NULL ORDER BY c.message_id) ELSE '{}' END AS candidates
FROM annotate_unit u JOIN annotate_queue q ON q.id = u.queue_id
WHERE u.subject_id = ANY(%(messages)s::bigint[]) ORDER BY u.id"""

_JUDGMENTS = """
SELECT j.unit_id, j.annotator_id, j.kind, j.ends_thread, j.created_at, l.spam, l.wrong_language,
  j.kind = %(label)s AND (SELECT s.reason_code = %(chosen)s FROM annotate_assignment s WHERE s.id = j.assignment_id) AS is_chosen
FROM annotate_judgment j LEFT JOIN LATERAL (
  SELECT bool_or(l.value >= %(objects)s) FILTER (WHERE d.name = %(spam)s) AS spam,
    bool_or(l.value >= %(objects)s) FILTER (WHERE d.name = %(wrong_language)s) AS wrong_language
  FROM annotate_label l JOIN annotate_labeldimension d ON d.id = l.dimension_id
  WHERE l.judgment_id = j.id AND l.answer = 'given') l ON j.kind = %(label)s
WHERE j.unit_id = ANY(%(units)s::bigint[]) AND j.is_current ORDER BY j.id"""


@dataclass(frozen=True, slots=True)
class LoadedTree:
    """A tree and its campaign's rules. `goals`: the sizes that the campaign lets a tree grow to.

    `facts.goal_size` is 0 where none was drawn yet. `bands`: of its units, by id.
    """

    facts: TreeFacts
    rules: TreeRules
    campaign_id: int
    stratum_id: int
    goals: tuple[int, int]
    bands: Mapping[int, int]


def load_trees(*, tree_ids: Sequence[int], now: datetime) -> list[LoadedTree]:
    """Facts and rules of these trees, by id; one that does not exist is left out."""
    trees = fetch_all(_TREES, {"trees": list(tree_ids)})
    messages = fetch_all(_MESSAGES, {"trees": [tree["id"] for tree in trees]})
    ordering = [str(kind) for kind in ORDERING_KINDS]
    units = fetch_all(_UNITS, {"messages": [message["id"] for message in messages], "ordering": ordering})
    judgments = _load_judgments(units)
    rows = _Rows(_group(messages, by="tree_id"), _group(units, by="subject_id"), _group(judgments, by="unit_id"))
    settings = {tree["campaign_id"]: read_settings(json.loads(tree["parameters"])) for tree in trees}
    rules = _load_rules(trees, settings=settings)
    return [
        LoadedTree(
            facts=_make_facts(tree=tree, rows=rows, rules=rules[tree["campaign_id"], tree["language"]], now=now),
            rules=rules[tree["campaign_id"], tree["language"]],
            campaign_id=tree["campaign_id"],
            stratum_id=tree["stratum_id"],
            goals=_read_goals(settings[tree["campaign_id"]]),
            bands={
                unit["id"]: unit["band"] for message in rows.messages[tree["id"]] for unit in rows.units[message["id"]]
            },
        )
        for tree in trees
    ]


def make_rules(
    *, settings: CampaignSettings, kinds: Iterable[str], reviewed_roles: Iterable[str], reviewers: int | None
) -> TreeRules:
    """What a campaign's parameters ask of its trees in a language that has so many reviewers.

    Before anybody has given anything there, how many will come is not known: none is no number to go by.
    """
    return TreeRules(
        kinds=frozenset(Kind(kind) for kind in kinds),
        reviewed_roles=frozenset(MessageRole(role) for role in reviewed_roles),
        is_growing=settings.grow_trees,
        reviewers=reviewers or None,
        max_tree_depth=settings.max_tree_depth,
        replies_wanted=settings.replies_wanted,
        prompter_replies=settings.prompter_replies,
        lonely_child_preference=settings.lonely_child_preference,
        min_reviews=settings.min_reviews,
        max_reviews=settings.max_reviews,
        review_floor=settings.review_floor,
        acceptance_threshold=settings.acceptance_threshold,
        full_label_shares={
            "prompts": settings.full_label_share_prompts,
            "prompter": settings.full_label_share_prompter,
            "assistant": settings.full_label_share_assistant,
        },
        redundancy=settings.redundancy,
        ranks_by_certainty=settings.stops_by_certainty,
        rank_prompter_replies=settings.rank_prompter_replies,
        improvements_wanted=settings.improvements_wanted,
        patience_days=settings.patience_days,
    )


def decides_by_choice(rules: TreeRules) -> bool:
    """Whether labels of a message that somebody chose by themselves are reviews as well.

    Only where a language has so few reviewers that each is needed: elsewhere a few who agreed on it beforehand would
    choose a message, and decide what becomes of it before anybody else is asked.
    """
    return rules.reviewers is not None and rules.reviewers <= rules.max_reviews


def _read_goals(settings: CampaignSettings) -> tuple[int, int]:
    lowest = settings.goal_tree_size if settings.min_goal_tree_size is None else settings.min_goal_tree_size
    return lowest, settings.goal_tree_size


def _load_judgments(units: Sequence[Row]) -> list[Row]:
    words = {"spam": SPAM, "wrong_language": WRONG_LANGUAGE, "objects": OBJECTS_FROM, "label": Kind.LABEL,
             "chosen": ReasonCode.OWN_CHOICE}  # fmt: skip
    return fetch_all(_JUDGMENTS, {"units": [unit["id"] for unit in units], **words})


def _load_rules(trees: Sequence[Row], *, settings: Mapping[int, CampaignSettings]) -> dict[tuple[int, str], TreeRules]:
    """Rules by campaign and language."""
    roles: defaultdict[int | None, set[str]] = defaultdict(set)
    schemas = {tree["label_schema_id"] for tree in trees}
    for schema, applies_to in LabelDimension.objects.filter(schema_id__in=schemas).values_list(
        "schema_id", "applies_to"
    ):
        roles[schema].update(applies_to)
    counted = LanguageSupply.objects.filter(campaign_id__in=set(settings)).values_list(
        "campaign_id", "language", "reviewers"
    )
    reviewers = {(campaign, language): number for campaign, language, number in counted}
    return {
        (tree["campaign_id"], tree["language"]): make_rules(
            settings=settings[tree["campaign_id"]],
            kinds=tree["kinds"],
            reviewed_roles=roles[tree["label_schema_id"]],
            reviewers=reviewers.get((tree["campaign_id"], tree["language"])),
        )
        for tree in trees
    }


def _make_facts(*, tree: Row, rows: "_Rows", rules: TreeRules, now: datetime) -> TreeFacts:
    messages = rows.messages[tree["id"]]
    units = [unit for message in messages for unit in rows.units[message["id"]]]
    judgments = [judgment for unit in units for judgment in rows.judgments[unit["id"]]]
    subject_of = {unit["id"]: unit["subject_id"] for unit in units}
    gone = {message["id"] for message in messages if message["is_gone"]}
    verdicts: defaultdict[int, dict[int, Verdict]] = defaultdict(dict)
    finished: defaultdict[int, set[int]] = defaultdict(set)
    for judgment in judgments:
        subject, annotator = subject_of[judgment["unit_id"]], judgment["annotator_id"]
        if judgment["kind"] == Kind.LABEL and (decides_by_choice(rules) or not judgment["is_chosen"]):
            verdicts[subject][annotator] = Verdict(annotator, judgment["spam"], judgment["wrong_language"])
        if judgment["ends_thread"]:
            finished[subject].add(annotator)
    return TreeFacts(
        id=tree["id"],
        state=TreeState(tree["state"]),
        reason=TreeReason(tree["state_reason"]),
        language=tree["language"],
        goal_size=tree["goal_size"] or 0,
        was_drawn=tree["drawn_at"] is not None,
        state_changed_at=tree["state_changed_at"],
        last_event_at=_find_last_event(tree=tree, messages=messages, judgments=judgments, now=now),
        messages=tuple(
            MessageFact(
                id=message["id"],
                parent=message["parent_id"],
                role=MessageRole(message["role"]),
                depth=len(message["thread"]) - 1,
                review=ReviewState(message["review_state"]),
                author=message["author_id"],
                is_live=gone.isdisjoint(message["thread"]),
                is_generated=message["is_generated"],
                finished=len(finished[message["id"]]),
                verdicts=tuple(verdicts[message["id"]].values()),
            )
            for message in messages
        ),
        units=tuple(_make_unit(unit) for unit in units if not unit["is_gold"]),
        gold=tuple(_make_unit(unit) for unit in units if unit["is_gold"]),
    )


def _make_unit(unit: Row) -> UnitFact:
    return UnitFact(
        id=unit["id"],
        kind=Kind(unit["kind"]),
        subject=unit["subject_id"],
        needed=unit["needed"],
        done=unit["done"],
        held=unit["held"],
        surplus=unit["surplus"],
        is_open=unit["is_open"],
        is_simple=unit["is_simple"],
        candidates=tuple(unit["candidates"]),
    )


def _find_last_event(*, tree: Row, messages: Sequence[Row], judgments: Sequence[Row], now: datetime) -> datetime:
    """When anything last happened to a tree. While its campaign offers no work, nobody can come: that is no patience lost."""
    if tree["campaign_state"] != CampaignState.OPEN:
        return now
    moments: list[datetime | None] = [tree["state_changed_at"], tree["campaign_changed_at"]]
    moments += [message["created_at"] for message in messages]
    moments += [message["reviewed_at"] for message in messages]
    moments += [judgment["created_at"] for judgment in judgments]
    return max(moment for moment in moments if moment is not None)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows by the tree, the message and the unit that they belong to."""

    messages: Mapping[int, list[Row]]
    units: Mapping[int, list[Row]]
    judgments: Mapping[int, list[Row]]


def _group(rows: Sequence[Row], *, by: str) -> defaultdict[Any, list[Row]]:
    groups: defaultdict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[by]].append(row)
    return groups
