"""Facts of trees as tests write them: a message in a few words, the rest as in an ordinary campaign."""

from datetime import UTC, datetime

from tasks.records.trees import MessageFact, TreeFacts, TreeRules, UnitFact, Verdict
from tasks.vocabulary import Kind, MessageRole, ReviewState, TreeReason, TreeState

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVERY_KIND = frozenset({*Kind} - {Kind.COMPARE, Kind.IMPROVE_REPLY})


def make_rules(**changed):
    values = {"kinds": EVERY_KIND, "reviewed_roles": frozenset(MessageRole)}
    return TreeRules(**(values | changed))


def make_message(id, parent=None, *, depth=None, review=ReviewState.ACCEPTED, author=None, **changed):
    """A prompt, or a reply: its role follows from its depth. Authors are told by 100 + id unless said."""
    depth = (0 if parent is None else 1) if depth is None else depth
    role = MessageRole.ASSISTANT if depth % 2 else MessageRole.PROMPTER
    author = None if changed.get("is_generated") else author or 100 + id
    return MessageFact(id=id, parent=parent, role=role, depth=depth, review=review, author=author, **changed)


def make_unit(id, kind, subject, *, needed=3, done=0, held=0, surplus=0, is_open=True, **changed):
    return UnitFact(
        id=id,
        kind=kind,
        subject=subject,
        needed=needed,
        done=done,
        held=held,
        surplus=surplus,
        is_open=is_open,
        **changed,
    )


def make_tree(*messages, state=TreeState.GROWING, reason=TreeReason.NONE, units=(), goal_size=12, **changed):
    values = {
        "id": 7,
        "language": "en",
        "was_drawn": state in (TreeState.GROWING, TreeState.RANKING),
        "state_changed_at": NOW,
        "last_event_at": NOW,
    }
    return TreeFacts(
        state=state, reason=reason, messages=messages, units=tuple(units), goal_size=goal_size, **(values | changed)
    )


def say(*objections):
    """Verdicts of reviewers 1, 2, …: True objects, False does not, None answered nothing."""
    return tuple(Verdict(annotator=n, spam=objects) for n, objects in enumerate(objections, start=1))


def list_wishes(decision):
    """What is asked for, by kind and subject: how many places in all."""
    return {(wish.kind, wish.subject): wish.needed for wish in decision.wishes}
