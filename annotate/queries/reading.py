"""Who reads, and what stays sealed for them: nobody sees what they may still be asked to judge.

A message is sealed for a reader while they could yet answer its parent or put that parent's replies in order, and so
is all that answers it. What somebody was shown at work, and what they wrote, stays readable to them. Trees that have
ended, moderators and organizers of the campaign know no seals.
"""

from dataclasses import dataclass

from annotate.queries.rows import Row
from tasks.text.snippets import as_plain_line
from tasks.vocabulary import ENDED_TREES, ORDERING_KINDS, REPLYING_KINDS, CampaignRole, CampaignState, ReviewState

#: Kinds of work on a message before which nobody sees its replies.
SEALING_KINDS = (*ORDERING_KINDS, *REPLYING_KINDS)
#: Of a text so much is read for its first words: marks of Markdown, and an address behind them, are not shown.
MARKS_A_LETTER, LONGEST_LINK = 3, 500
#: Roles that see everything in their campaign.
INSIDERS = (CampaignRole.MODERATOR, CampaignRole.ORGANIZER)


@dataclass(frozen=True, slots=True)
class Reader:
    """Whoever reads. `annotator_id` None: nobody who is signed in."""

    annotator_id: int | None = None
    user_id: int | None = None
    is_administrator: bool = False

    def as_parameters(self) -> Row:
        """What the fragments below ask for."""
        return {
            "me": self.annotator_id,
            "user": self.user_id,
            "administrator": self.is_administrator,
            "insiders": [str(role) for role in INSIDERS],
            "sealing": [str(kind) for kind in SEALING_KINDS],
            "ended": [str(state) for state in ENDED_TREES],
            "rejected": ReviewState.REJECTED,
            "draft": CampaignState.DRAFT,
        }


#: Of a campaign `c`: whether this reader sees everything in it, and whether it is there for them at all.
IS_INSIDER = """(%(administrator)s OR EXISTS (SELECT 1 FROM annotate_membership mb
  WHERE mb.campaign_id = c.id AND mb.user_id = %(user)s::bigint AND mb.role = ANY(%(insiders)s::text[])))"""
MAY_READ = """(c.state <> %(draft)s OR %(administrator)s OR EXISTS (SELECT 1 FROM annotate_membership mb
  WHERE mb.campaign_id = c.id AND mb.user_id = %(user)s::bigint))"""

_ORDERING = "({})".format(", ".join(f"'{kind}'" for kind in ORDERING_KINDS))

#: Of a unit `u`: gold is mixed among the work of its campaign, and this reader has not put its subject in order. A gold
#: item is always asked about; so that it cannot be told, all else seems to be, until its tree has ended.
_SEEMS_ASKED = f"""(u.kind IN {_ORDERING} AND EXISTS (
    SELECT 1 FROM annotate_queue gq JOIN annotate_golditem gi ON gi.campaign_id = gq.campaign_id AND gi.retired_at IS NULL
    WHERE gq.id = u.queue_id)
  AND NOT EXISTS (SELECT 1 FROM annotate_unit ou JOIN annotate_judgment oj ON oj.unit_id = ou.id
    WHERE ou.subject_id = u.subject_id AND ou.kind IN {_ORDERING}
      AND oj.annotator_id = %(me)s::bigint AND oj.is_current))"""

#: Of a unit `u`: work that this reader may still do, or has in hand.
IS_AHEAD = f"""(NOT EXISTS (SELECT 1 FROM annotate_exclusion ex WHERE ex.unit_id = u.id AND ex.annotator_id = %(me)s::bigint)
  AND NOT EXISTS (SELECT 1 FROM annotate_judgment mj
    WHERE mj.unit_id = u.id AND mj.annotator_id = %(me)s::bigint AND mj.is_current)
  AND ((u.is_open AND u.done < u.needed) OR EXISTS (SELECT 1 FROM annotate_assignment mh
    WHERE mh.unit_id = u.id AND mh.annotator_id = %(me)s::bigint AND mh.state = 'live') OR {_SEEMS_ASKED}))"""

#: Of a message `m` of a tree `t`: whether it is open to this reader in a list. Narrower than in its tree, where what
#: was shown at work stays readable.
IS_UNSEALED = f"""(t.state = ANY(%(ended)s::text[]) OR m.author_id = %(me)s::bigint OR {IS_INSIDER} OR NOT EXISTS (
  SELECT 1 FROM annotate_unit u WHERE u.subject_id = ANY(m.thread[:cardinality(m.thread) - 1])
    AND u.kind = ANY(%(sealing)s::text[]) AND {IS_AHEAD}))"""

#: A message `m` that stands: neither it nor anything that it answers was taken away. OFFSET 0 keeps it a look at the
#: few messages of a thread; the planner would rather read all of them once.
STANDS = """NOT EXISTS (SELECT 1 FROM annotate_message gone WHERE gone.id = ANY(m.thread)
  AND (gone.removed_at IS NOT NULL OR gone.withdrawn_at IS NOT NULL) OFFSET 0)"""

#: A message `m` that others have begun to work with: it is changed by a proposal from now on.
IS_BEGUN = """(m.review_state IN ('accepted', 'rejected')
  OR EXISTS (SELECT 1 FROM annotate_unit bu WHERE bu.subject_id = m.id AND bu.done + bu.held + bu.surplus > 0)
  OR EXISTS (SELECT 1 FROM annotate_assignmentcandidate bc JOIN annotate_assignment bs ON bs.id = bc.assignment_id
    WHERE bc.message_id = m.id AND bs.annotator_id IS DISTINCT FROM m.author_id)
  OR EXISTS (SELECT 1 FROM annotate_message br WHERE br.parent_id = m.id AND br.author_id IS DISTINCT FROM m.author_id))"""

#: What was found to be spam or in a wrong language is in no list but for insiders and its author.
IS_NO_REJECT = f"(m.review_state <> %(rejected)s OR m.author_id = %(me)s::bigint OR {IS_INSIDER})"


def start_of(text: str, *, length: int) -> str:
    """The first words of a text without its Markdown, cut at a blank where there is one near, with an ellipsis where it goes on."""
    read = text[: MARKS_A_LETTER * length + LONGEST_LINK]
    tidy = as_plain_line(read)
    if len(tidy) <= length:
        return tidy if len(read) == len(text) else tidy + "…"
    cut = tidy[:length]
    blank = cut.rfind(" ", length - length // 4)
    return (cut if blank < 0 else cut[:blank]) + "…"
