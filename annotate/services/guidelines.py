"""Guidelines and label schemas: a change is a new version, and judgments keep the one they were made under.

The caller holds the campaign's row, so that versions follow each other without gaps or doubles.
"""

from datetime import datetime

from django.db.models import Max

from annotate.access import Actor
from annotate.models import Campaign, Guideline, LabelDimension, LabelSchema
from annotate.queries.campaigns import describe_guideline, describe_label_schema
from annotate.services.audit import record_event
from tasks.records.campaigns import DimensionSpec, GuidelineSpec
from tasks.vocabulary import AuditAction


def publish_guideline(
    *, campaign: Campaign, guideline: GuidelineSpec, actor: Actor | None, now: datetime, reason: str = ""
) -> Guideline:
    """Make this the campaign's guideline from now on, as its next version."""
    before = campaign.guideline
    published = Guideline.objects.create(
        campaign=campaign,
        version=_next_version(Guideline, campaign),
        text=guideline.text,
        examples=[dict(example) for example in guideline.examples],
        created_at=now,
    )
    campaign.guideline = published
    campaign.save(update_fields=["guideline"])
    record_event(
        actor=actor,
        action=AuditAction.GUIDELINE_PUBLISHED,
        object_kind="guideline",
        object_id=published.pk,
        campaign=campaign,
        before=None if before is None else {"version": before.version, **(describe_guideline(before) or {})},
        after={"version": published.version, **guideline.as_values()},
        reason=reason,
    )
    return published


def publish_label_schema(
    *, campaign: Campaign, dimensions: tuple[DimensionSpec, ...], actor: Actor | None, now: datetime, reason: str = ""
) -> LabelSchema:
    """Make these the questions of the campaign's labels from now on, as the schema's next version."""
    before = campaign.label_schema
    published = LabelSchema.objects.create(
        campaign=campaign, version=_next_version(LabelSchema, campaign), created_at=now
    )
    LabelDimension.objects.bulk_create(
        LabelDimension(schema=published, position=position, **dimension.as_values())
        for position, dimension in enumerate(dimensions)
    )
    campaign.label_schema = published
    campaign.save(update_fields=["label_schema"])
    record_event(
        actor=actor,
        action=AuditAction.LABEL_SCHEMA_PUBLISHED,
        object_kind="label_schema",
        object_id=published.pk,
        campaign=campaign,
        before=None
        if before is None
        else {"version": before.version, **(describe_label_schema(schema_id=before.pk) or {})},
        after={"version": published.version, "dimensions": [dimension.as_values() for dimension in dimensions]},
        reason=reason,
    )
    return published


def _next_version(model: type[Guideline] | type[LabelSchema], campaign: Campaign) -> int:
    latest = model.objects.filter(campaign=campaign).aggregate(latest=Max("version"))["latest"]
    return int(latest or 0) + 1
