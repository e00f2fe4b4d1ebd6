"""The one predicate: who may do what, as a list of named clauses.

Each clause has its SQL, its refusal and the moments at which it holds, from this one place: what is offered is
therefore what is counted, and what is accepted. Clauses speak of fixed aliases:

  person level   `a` the annotator, `c` the campaign
  queue level    `q` the queue
  unit level     `u` the unit
  hold level     `s` the assignment, `u` its unit, `m` its subject, with `a` and `c`

and of the parameters `%(me)s`, `%(now)s`, `%(terms)s`, `%(kinds)s`, `%(languages)s`, and of what the same request is
about to do, so that the work which comes along with a submit is what the next question would be given: `%(closing)s`
is the assignment that it closes (null: none), `%(giving)s` how many judgments it stores (0 or 1).
"""

from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tasks.vocabulary import WhyNone


class Moment(StrEnum):
    OFFER = "offer"
    COUNT = "count"
    SUBMIT = "submit"


class Level(StrEnum):
    PERSON = "person"
    QUEUE = "queue"
    UNIT = "unit"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition. `refusal` says what happened and what to do; `why_none` is its code where nothing is offered."""

    name: str
    level: Level
    moments: frozenset[Moment]
    sql: str
    refusal: Promise
    why_none: WhyNone | None = None
    status: int = 409


OFFERED = frozenset({Moment.OFFER, Moment.COUNT})
ALWAYS = frozenset(Moment)
SUBMITTED = frozenset({Moment.SUBMIT})

#: Asked again once the person's row is locked: two of their requests may come at once.
TOO_MANY_HOLDS = Clause(
    "too_many_holds",
    Level.PERSON,
    OFFERED,
    """(SELECT count(*) FROM annotate_assignment h JOIN annotate_unit hu ON hu.id = h.unit_id
           JOIN annotate_queue hq ON hq.id = hu.queue_id
         WHERE h.annotator_id = a.id AND h.state = 'live' AND h.lease_expires_at > %(now)s
           AND h.id IS DISTINCT FROM %(closing)s::bigint AND hq.campaign_id = c.id)
         < coalesce((c.parameters->>'max_held')::int, 8)""",
    _("You hold as much work of this campaign as one person may at once. Finish or skip something you hold first."),
    WhyNone.CAPPED,
)

CLAUSES: tuple[Clause, ...] = (
    Clause(
        "suspended",
        Level.PERSON,
        ALWAYS,
        "a.suspended_at IS NULL",
        _(
            "Your account is suspended, so nothing can be given or taken. Your drafts are kept; write to "
            "the organizers to appeal."
        ),
        WhyNone.SUSPENDED,
        403,
    ),
    Clause(
        "campaign_not_open",
        Level.PERSON,
        OFFERED,
        "c.state = 'open'",
        _("This campaign is not open now, so it offers no new work. What you already hold can still be finished."),
        WhyNone.CAMPAIGN_NOT_OPEN,
    ),
    Clause(
        "guests_not_allowed",
        Level.PERSON,
        OFFERED,
        "(a.user_id IS NOT NULL OR c.allow_guests)",
        _("This campaign is for people with an account. Sign up, and what you did as a guest comes along."),
        WhyNone.CAMPAIGN_NOT_OPEN,
    ),
    Clause(
        "terms_not_accepted",
        Level.PERSON,
        OFFERED,
        "a.accepted_terms = %(terms)s",
        _("Before the first judgment, read and accept the terms: POST me/consent/ with their version."),
        WhyNone.TERMS_NOT_ACCEPTED,
    ),
    Clause(
        "capped",
        Level.PERSON,
        OFFERED,
        """(c.parameters->>'daily_cap' IS NULL OR (
             SELECT count(*) FROM annotate_judgment j
             WHERE j.annotator_id = a.id AND j.is_current AND j.created_at > %(now)s - interval '24 hours'
               AND (SELECT jq.campaign_id FROM annotate_unit ju JOIN annotate_queue jq ON jq.id = ju.queue_id
                    WHERE ju.id = j.unit_id) = c.id
               AND j.assignment_id IS DISTINCT FROM %(closing)s::bigint) + %(giving)s::int
             < (c.parameters->>'daily_cap')::int)""",
        _(
            "You have given as many judgments as this campaign takes from one person in a day. Thank "
            "you; come back tomorrow."
        ),
        WhyNone.CAPPED,
    ),
    TOO_MANY_HOLDS,
    Clause(
        "kind_not_wanted",
        Level.QUEUE,
        OFFERED,
        "q.kind = ANY(%(kinds)s)",
        _("This campaign does not ask for that kind of work."),
        WhyNone.NO_SUCH_KIND,
    ),
    Clause(
        "language_not_yours",
        Level.QUEUE,
        OFFERED,
        "q.language = ANY(%(languages)s)",
        _(
            "This work is in a language that is not among yours. Add the language to your work languages "
            "if you read it well."
        ),
        WhyNone.NONE_IN_YOUR_LANGUAGES,
    ),
    Clause(
        "not_qualified",
        Level.QUEUE,
        OFFERED,
        "q.qualification IS NULL",
        _("This work needs a qualification that you do not have yet."),
        WhyNone.NO_SUCH_KIND,
    ),
    Clause(
        "already_seen",
        Level.UNIT,
        OFFERED,
        """(SELECT seen.id FROM annotate_assignment seen WHERE seen.annotator_id = %(me)s AND seen.unit_id = u.id
             AND seen.state NOT IN ('expired', 'released')) IS NULL""",
        _("You have already judged or skipped this."),
        WhyNone.SEEN_ALL,
    ),
    Clause(
        "own_work",
        Level.UNIT,
        OFFERED,
        """(SELECT ex.unit_id FROM annotate_exclusion ex WHERE ex.annotator_id = %(me)s AND ex.unit_id = u.id) IS NULL""",
        _("Part of this is your own work, so others judge it."),
        WhyNone.SEEN_ALL,
    ),
    Clause(
        "campaign_closed",
        Level.HOLD,
        SUBMITTED,
        "(c.state <> 'closed' OR (s.state = 'live' AND s.lease_expires_at > %(now)s))",
        _(
            "This campaign closed while you were working, and your hold has ended. What you wrote is "
            "saved under Drafts; you can copy it, or offer it to another campaign."
        ),
    ),
    Clause(
        "subject_removed",
        Level.HOLD,
        SUBMITTED,
        """NOT EXISTS (SELECT 1 FROM annotate_message t WHERE t.id = ANY(m.thread)
             AND (t.removed_at IS NOT NULL OR t.withdrawn_at IS NOT NULL))""",
        _(
            "A moderator or its author removed this conversation while you were working. What you wrote "
            "is saved under Drafts; ask for the next piece of work."
        ),
        None,
        410,
    ),
    Clause(
        "candidate_removed",
        Level.HOLD,
        SUBMITTED,
        """NOT EXISTS (SELECT 1 FROM annotate_assignmentcandidate sc JOIN annotate_message t ON t.id = sc.message_id
             WHERE sc.assignment_id = s.id AND sc.position >= 0 AND (t.removed_at IS NOT NULL OR t.withdrawn_at IS NOT NULL))""",
        _(
            "One of the candidates you were shown was removed while you were working, so this order "
            "cannot be taken. It is saved under Drafts; ask for the next piece of work."
        ),
        None,
        410,
    ),
    Clause(
        "already_judged",
        Level.HOLD,
        SUBMITTED,
        """NOT EXISTS (SELECT 1 FROM annotate_judgment j WHERE j.annotator_id = a.id AND j.unit_id = u.id AND j.is_current)""",
        _("You already have a judgment on this, and it stands. Undo that one first if you have changed your mind."),
    ),
)


def select_clauses(*, moment: Moment, level: Level) -> tuple[Clause, ...]:
    """The clauses of one level that hold at one moment, in the order in which they refuse."""
    return tuple(clause for clause in CLAUSES if clause.level is level and moment in clause.moments)


def render_conditions(*, moment: Moment, level: Level) -> str:
    """The clauses joined by AND, for a WHERE; `TRUE` when there are none."""
    return " AND ".join(clause.sql for clause in select_clauses(moment=moment, level=level)) or "TRUE"


def render_columns(*, moment: Moment, level: Level) -> str:
    """The clauses as boolean columns `may_<name>`, for a SELECT that must tell which one refused."""
    return ", ".join(f"({clause.sql}) AS may_{clause.name}" for clause in select_clauses(moment=moment, level=level))


def find_refusal(row: dict[str, object], *, moment: Moment, level: Level) -> Clause | None:
    """The first clause that a row made with `render_columns` fails, or None."""
    return next(
        (clause for clause in select_clauses(moment=moment, level=level) if not row[f"may_{clause.name}"]), None
    )
