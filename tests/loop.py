"""A small campaign by hand, for tests of the loop: rows straight into the database, nothing computed."""

from __future__ import annotations

import hashlib
import random
from datetime import UTC, datetime
from typing import Any

from annotate.models import (
    Annotator,
    Assignment,
    Campaign,
    Guideline,
    LabelDimension,
    LabelSchema,
    LanguageSkill,
    Message,
    MessageTree,
    Stratum,
    Unit,
    User,
)
from annotate.queries.rows import fetch_all
from annotate.services.claims import offer_next
from annotate.services.judgments import submit_answer
from annotate.services.terms import CURRENT_TERMS
from annotate.services.units import open_units
from tasks.text.normalise import text_hash

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)

#: What keeps the counters true: each query finds the rows for which they are not.
INTEGRITY = {
    "held": """SELECT u.id FROM annotate_unit u LEFT JOIN (
        SELECT unit_id, count(*) n FROM annotate_assignment WHERE state = 'live' GROUP BY 1) a ON a.unit_id = u.id
        WHERE u.held <> coalesce(a.n, 0)""",
    "done": """SELECT u.id FROM annotate_unit u LEFT JOIN (
        SELECT unit_id, count(*) n FROM annotate_judgment WHERE is_current AND counted GROUP BY 1) j ON j.unit_id = u.id
        WHERE u.done <> coalesce(j.n, 0)""",
    "surplus": """SELECT u.id FROM annotate_unit u LEFT JOIN (
        SELECT unit_id, count(*) n FROM annotate_judgment WHERE is_current AND NOT counted GROUP BY 1) j ON j.unit_id = u.id
        WHERE u.surplus <> coalesce(j.n, 0)""",
    "withdrawn": """SELECT j.id FROM annotate_judgment j JOIN annotate_assignment s ON s.id = j.assignment_id
        WHERE j.is_current AND s.state <> 'submitted'""",
    "submitted": """SELECT s.id FROM annotate_assignment s WHERE s.state = 'submitted'
        AND NOT EXISTS (SELECT 1 FROM annotate_judgment j WHERE j.assignment_id = s.id AND j.is_current)""",
}


def find_drift() -> dict[str, list[dict[str, Any]]]:
    """What is not true of the counters, by the name of the check; empty when all is well."""
    return {name: rows for name, sql in INTEGRITY.items() if (rows := fetch_all(sql, {}))}


def make_campaign(
    *, slug="birds", kinds=("rank",), languages=("en",), state="open", guests=False, **parameters
) -> Campaign:
    campaign = Campaign.objects.create(
        slug=slug,
        title=slug.title(),
        preset="rank",
        languages=list(languages),
        kinds=list(kinds),
        state=state,
        allow_guests=guests,
        parameters={"redundancy": 3, "random_share": 0, **parameters},
    )
    campaign.guideline = Guideline.objects.create(campaign=campaign, version=1, text="Rank by usefulness.")
    campaign.label_schema = make_schema(campaign)
    campaign.save(update_fields=["guideline", "label_schema"])
    return campaign


def make_schema(campaign: Campaign) -> LabelSchema:
    schema = LabelSchema.objects.create(campaign=campaign, version=1)
    five = [{"value": step / 4, "title": f"{step}"} for step in range(5)]
    both = ["prompter", "assistant"]
    for place, (name, widget, anchors, mandatory, applies_to) in enumerate(
        [
            ("spam", "yes_no", [], True, both),
            ("quality", "scale", five, False, both),
            ("humor", "scale", five, False, ["assistant"]),
            ("pii", "flag", [], False, both),
        ]
    ):
        LabelDimension.objects.create(
            schema=schema, name=name, title=name, widget=widget, anchors=anchors, mandatory=mandatory,
            applies_to=applies_to, position=place,
        )  # fmt: skip
    return schema


def make_prompt(campaign: Campaign, text="Why do birds sing?", *, replies=4, language="en", topic="") -> Message:
    """A prompt with `replies` candidates, and the units that the campaign's kinds ask for."""
    stratum, _ = Stratum.objects.get_or_create(campaign=campaign, language=language, topic=topic)
    key = text if len(text) <= 200 else hashlib.sha256(text.encode()).hexdigest()
    tree = MessageTree.objects.create(campaign=campaign, stratum=stratum, language=language, topic=topic, key=key)
    prompt = add_message(tree, text, role="prompter")
    for place in range(replies):
        add_message(tree, f"{text} Reply {place}.", parent=prompt)
    open_units(campaign_id=campaign.pk, parent_ids=[prompt.pk], now=NOW)
    return prompt


def add_message(tree: MessageTree, text: str, *, role="assistant", parent: Message | None = None) -> Message:
    message = Message.objects.create(
        tree=tree, parent=parent, role=role, text=text, text_hash=text_hash(text), language=tree.language
    )
    message.thread = [*(parent.thread if parent else []), message.pk]
    message.save(update_fields=["thread"])
    return message


def make_annotator(name="ada", *, languages=(), terms=CURRENT_TERMS) -> Annotator:
    user = User.objects.create(email=f"{name}@example.org")
    annotator = Annotator.objects.create(user=user, accepted_terms=terms)
    for language in languages:
        LanguageSkill.objects.create(annotator=annotator, language=language)
    return annotator


def ask(annotator: Annotator, campaign: Campaign, *, now=NOW, seed=1, **filters) -> dict[str, Any]:
    offer = offer_next(annotator_id=annotator.pk, slug=campaign.slug, now=now, rng=random.Random(seed), **filters)
    return offer.as_answer()


def submit(annotator: Annotator, assignment: int, body: dict[str, Any], *, now=NOW, seed=1) -> dict[str, Any]:
    return submit_answer(
        annotator_id=annotator.pk, assignment_id=assignment, body=body, now=now, rng=random.Random(seed)
    )


def ranking_of(assignment: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A full ranking in the order shown, the upper half acceptable."""
    handles = [candidate["id"] for candidate in assignment["subject"]["candidates"]]
    return {"tiers": [[handle] for handle in handles], "acceptable_tiers": len(handles) // 2, **more}


def counters(unit_id: int | None = None) -> tuple[int, int, int, int]:
    """(needed, held, done, surplus) of a unit, or of the only one."""
    unit = Unit.objects.get(pk=unit_id) if unit_id else Unit.objects.get()
    return unit.needed, unit.held, unit.done, unit.surplus


def state_of(assignment_id: int) -> str:
    return Assignment.objects.get(pk=assignment_id).state
