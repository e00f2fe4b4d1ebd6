"""Gold items: work whose answer is known, mixed among the rest, that tells how well people judge.

A gold item is a unit in a queue of its own kind (`Queue.is_gold`), of which no end is needed. It is made from a
conversation that is there (`choose_gold`, `promote_gold`) or from one that an organizer writes (`services.gold_writing`).

Where trees grow, everybody reads finished ones with their order, and how each came to be. So gold there is made of what
grew there, and of orders alone; it is asked about as often as other work, its tree ends when others would, and with
it the item (`services.gold_ending`). Nothing of it is a step of the tree (`tasks.scheduling.tree_wishes`).

1. Lock the conversation, then its ordinary units; refuse what would let somebody meet it twice, or read the answer.
2. Close those units: what gold was made of asks for no ordinary work any more, ever.
3. Make the unit, and exclude whoever met the subject before or wrote any of it.

A conversation with gold looks like any other to whoever judges: its replies are sealed until one has judged them, and
its page, its address and its age are those of other conversations.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotate.access import Actor
from annotate.exceptions import Conflict, NotFound
from annotate.models import Campaign, GoldItem
from annotate.queries.rows import Row, fetch_one
from annotate.services.gold_answers import read_explanation, read_kind, read_known_labels
from annotate.services.gold_ending import end_gold
from annotate.services.gold_opening import Known, lock_ordinary_units, lock_subject, open_gold, read_order, record_gold
from tasks.records.parameters import read_settings
from tasks.vocabulary import AuditAction, GoldOrigin, Kind

#: Certain enough to be an answer, unless an organizer asks for more: ballots, and the consensus's own certainty.
FEWEST_BALLOTS, LEAST_CONFIDENCE = 5, 0.9

_CONSENSUS = """
SELECT k.id, k.n, (k.result->>'confidence')::float AS confidence, (k.result->'tiers') #>> '{}' AS tiers,
  (k.result->>'acceptable_tiers')::int AS acceptable_tiers
FROM annotate_message m JOIN annotate_consensus k ON k.id = m.current_consensus_id WHERE m.id = %(message)s"""


def choose_gold(*, campaign: Campaign, values: Mapping[str, Any], actor: Actor | None, now: datetime) -> GoldItem:
    """A conversation that is there becomes gold with the answer that an organizer gives.

    `values`: `message`, `kind`, and `tiers` of ids with `acceptable_tiers`, or `labels`; `explanation`. Raises NotFound, Gone
    (`subject_removed`), InvalidInput, and Conflict: `labels_decide`, `is_gold_already`, `tree_ended`, `held_now`.
    """
    kind, explanation = read_kind(campaign, values.get("kind")), read_explanation(values.get("explanation", ""))
    with transaction.atomic():
        subject = lock_subject(campaign=campaign, message_id=values.get("message"))
        units = lock_ordinary_units(subject=subject, kind=kind)
        if any(unit["held"] for unit in units):
            raise Conflict(
                _("Somebody has this in hand as ordinary work now. Try again when they have sent it."), code="held_now"
            )
        if kind == Kind.LABEL:
            answer = {"labels": read_known_labels(values.get("labels"), campaign=campaign, role=subject["role"])}
        else:
            answer = read_order(values, candidates=subject["replies"])
        known = Known(answer, explanation, GoldOrigin.WRITTEN)
        return open_gold(campaign=campaign, subject=subject, kind=kind, units=units, known=known, actor=actor, now=now)


def promote_gold(
    *,
    campaign: Campaign,
    message_id: int,
    actor: Actor | None,
    now: datetime,
    explanation: str = "",
    confidence: float = LEAST_CONFIDENCE,
    ballots: int = FEWEST_BALLOTS,
) -> GoldItem:
    """A parent whose order is beyond doubt becomes gold with its consensus as the answer.

    Raises what `choose_gold` does, and Conflict: `not_certain` (fewer ballots, or less certain, than asked) and
    `still_asked` (its ordinary work is not done).
    """
    explanation = read_explanation(explanation)
    with transaction.atomic():
        subject = lock_subject(campaign=campaign, message_id=message_id)
        units = lock_ordinary_units(subject=subject, kind=Kind.RANK)
        found = fetch_one(_CONSENSUS, {"message": message_id})
        if found is None or found["n"] < ballots or found["confidence"] < confidence:
            raise Conflict(
                _("Its order is not certain enough to be an answer: %(ballots)s ballots and %(confidence)s are asked for.")
                % {"ballots": ballots, "confidence": f"{confidence:g}"},
                code="not_certain",
            )  # fmt: skip
        if any(unit["is_open"] and unit["done"] < unit["needed"] for unit in units):
            raise Conflict(_("People are still asked for its order. Promote it when that is done."), code="still_asked")
        asked = [unit for unit in units if unit["kind"] in campaign.kinds]
        if not asked:
            raise Conflict(_("The campaign does not ask for such work any more."), code="kind_not_wanted")
        kind = Kind(max(asked, key=lambda unit: unit["done"])["kind"])
        answer = read_consensus(found)
        known = Known(answer, explanation, GoldOrigin.PROMOTED, found["id"])
        return open_gold(campaign=campaign, subject=subject, kind=kind, units=units, known=known, actor=actor, now=now)


def retire_gold(*, campaign: Campaign, unit_id: int, actor: Actor | None, now: datetime, reason: str = "") -> GoldItem:
    """Offer a gold item no more, and explain it to everybody who answered it. Retiring twice changes nothing.

    Whoever holds it may still answer; results stay. Raises NotFound `gold_not_found`.
    """
    with transaction.atomic():
        item = GoldItem.objects.select_for_update(no_key=True).filter(campaign=campaign, pk=unit_id).first()
        if item is None:
            raise NotFound(
                _("This campaign has no such gold item. Look at the list of its gold items."), code="gold_not_found"
            )
        if item.retired_at is None:
            end_gold(unit_ids=[unit_id], now=now)
            item.retired_at = now
            record_gold(item, actor, AuditAction.GOLD_RETIRED, campaign, reason=reason)
    return item


def find_gold_problem(campaign: Campaign, parameters: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with letting trees grow where gold is asked about, by its field; nothing where that is not asked."""
    grows = parameters.get("grow_trees") is True and not read_settings(campaign.parameters).grow_trees
    if not grows or not GoldItem.objects.filter(campaign=campaign, retired_at=None).exists():
        return {}
    return {
        "parameters.grow_trees": _(
            "People are asked about gold items here, and where trees grow these could be told from other work. Retire "
            "them first."
        )
    }


def read_consensus(found: Row) -> dict[str, Any]:
    """The answer that a consensus gives; candidates that nobody placed are not asked about."""
    tiers: list[list[int]] = json.loads(found["tiers"])
    placed = [candidate for tier in tiers for candidate in tier]
    return read_order({"tiers": tiers, "acceptable_tiers": found["acceptable_tiers"]}, candidates=placed)
