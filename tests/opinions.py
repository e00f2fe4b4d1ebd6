"""Campaigns with prompts, candidates and judgments, written straight into the tables: what the worker side reads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from annotate.models import (
    Annotator,
    Assignment,
    AssignmentCandidate,
    Campaign,
    Generator,
    Judgment,
    Label,
    LabelDimension,
    LabelSchema,
    Message,
    MessageOrigin,
    MessageTree,
    RankedCandidate,
    Stratum,
    Unit,
)
from annotate.services.stale import mark_stale
from annotate.services.units import open_units
from tasks.text.normalise import text_hash
from tasks.vocabulary import StaleKind

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def make_campaign(
    slug: str = "birds", *, kinds=("rank",), languages=("en", "de"), state: str = "open", **parameters
) -> Campaign:
    return Campaign.objects.create(
        slug=slug,
        title=slug.title(),
        preset="rank",
        state=state,
        languages=list(languages),
        kinds=list(kinds),
        parameters={"redundancy": 3, **parameters},
    )


def make_prompt(campaign: Campaign, text: str, *, language: str = "en", topic: str = "") -> Message:
    stratum, _ = Stratum.objects.get_or_create(campaign=campaign, language=language, topic=topic)
    tree = MessageTree.objects.create(campaign=campaign, stratum=stratum, language=language, topic=topic, key=text)
    return add_message(tree, text, role="prompter", parent=None)


def add_message(tree: MessageTree, text: str, *, role: str = "assistant", parent: Message | None) -> Message:
    message = Message.objects.create(
        tree=tree, parent=parent, role=role, text=text, text_hash=text_hash(text), language=tree.language
    )
    message.thread = [*(parent.thread if parent else []), message.pk]
    message.save(update_fields=["thread"])
    return message


def add_candidates(prompt: Message, *texts: str) -> list[Message]:
    """Candidates, each from a generator named by its text's first word; opens the units they ask for."""
    made = []
    for text in texts:
        message = add_message(prompt.tree, text, parent=prompt)
        generator, _ = Generator.objects.get_or_create(
            campaign=prompt.tree.campaign, name=text.split()[0], engine="label"
        )
        MessageOrigin.objects.create(message=message, kind="imported", generator=generator, key=f"label:{generator.pk}")
        made.append(message)
    open_units(campaign_id=prompt.tree.campaign_id, parent_ids=[prompt.pk], now=NOW)
    return made


def make_annotators(count: int) -> list[Annotator]:
    return [Annotator.objects.create() for _ in range(count)]


def add_labels(campaign: Campaign, *names: str, widget: str = "scale") -> LabelSchema:
    schema = LabelSchema.objects.create(campaign=campaign, version=1)
    for position, name in enumerate(names):
        LabelDimension.objects.create(
            schema=schema, name=name, title=name, widget=widget, applies_to=["prompter"], position=position
        )
    Campaign.objects.filter(pk=campaign.pk).update(label_schema=schema)
    campaign.label_schema = schema
    return schema


def rank(
    annotator: Annotator,
    prompt: Message,
    *tiers: Sequence[Message],
    acceptable_tiers: int | None = None,
    shown: Sequence[Message] | None = None,
    kind: str = "rank",
    rest_worse: bool = False,
    counted: bool = True,
    active_seconds: float | None = None,
    terms_version: str = "1",
) -> Judgment:
    """A submitted ranking, counted by its unit, its parent marked: as `submit` leaves it."""
    judgment = _judge(
        annotator,
        prompt,
        kind=kind,
        counted=counted,
        acceptable_tiers=acceptable_tiers,
        rest_worse=rest_worse,
        active_seconds=active_seconds,
        terms_version=terms_version,
    )
    shown = shown or [message for tier in tiers for message in tier]
    for position, message in enumerate(shown):
        AssignmentCandidate.objects.create(
            assignment=judgment.assignment, position=position, message=message, revision=message.revision
        )
    for number, tier in enumerate(tiers, start=1):
        for message in tier:
            RankedCandidate.objects.create(
                judgment=judgment,
                assignment=judgment.assignment,
                message=message,
                tier=number,
                acceptable=None if acceptable_tiers is None else number <= acceptable_tiers,
            )
    mark_stale(kind=StaleKind.PARENT, subject_ids=[prompt.pk])
    return judgment


def label(annotator: Annotator, message: Message, **values: float | None) -> Judgment:
    """A submitted label set; None is an answer that was not given."""
    judgment = _judge(annotator, message, kind="label", counted=True)
    for dimension in LabelDimension.objects.filter(schema__campaign=message.tree.campaign):
        value = values.get(dimension.name)
        answer = "skipped" if value is None else "given"
        Label.objects.create(judgment=judgment, dimension=dimension, answer=answer, value=value)
    mark_stale(kind=StaleKind.PARENT, subject_ids=[message.pk])
    return judgment


def _judge(annotator: Annotator, subject: Message, *, kind: str, counted: bool, **more) -> Judgment:
    unit = Unit.objects.get(subject=subject, kind=kind)
    assignment = Assignment.objects.create(
        unit=unit, annotator=annotator, state="submitted", lease_grade="active", reason_code="first_judgment"
    )
    if counted:
        unit.done += 1
        unit.needed = max(unit.needed, unit.done + unit.held)
    else:
        unit.surplus += 1
    unit.save(update_fields=["done", "needed", "surplus"])
    return Judgment.objects.create(
        assignment=assignment,
        unit=unit,
        annotator=annotator,
        kind=kind,
        counted=counted,
        body_hash=bytes(32),
        created_at=NOW,
        **{"terms_version": "1", **more},
    )
