"""Reads of campaigns: who may see which, and what one says of itself. Nothing here writes."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery

from annotate.models import (
    Campaign,
    CampaignGenerator,
    Generator,
    Guideline,
    LabelDimension,
    LabelSchema,
    Membership,
    Stratum,
    TargetShare,
)
from tasks.records.campaigns import GeneratorUse
from tasks.records.parameters import read_settings
from tasks.vocabulary import CampaignRole, CampaignState, Engine, Kind

#: Who sees a draft, and which generators a campaign asks.
INSIDERS = frozenset({CampaignRole.ORGANIZER, CampaignRole.MODERATOR})
DIMENSION_FIELDS = ("name", "title", "widget", "applies_to", "anchors", "mandatory", "simple")
ENTRY_FIELDS = (
    "slug",
    "title",
    "purpose",
    "licence",
    "preset",
    "state",
    "languages",
    "kinds",
    "allow_guests",
    "created_at",
)


def list_visible_campaigns(
    *,
    user_id: int | None,
    is_administrator: bool = False,
    states: tuple[str, ...] = (),
    language: str | None = None,
    kind: Kind | None = None,
    mine: bool = False,
) -> QuerySet[Campaign]:
    """The campaigns that this account may see: drafts only where it is a member. With `actor_role`."""
    role = Membership.objects.filter(campaign_id=OuterRef("pk"), user_id=user_id or 0).values("role")[:1]
    campaigns = Campaign.objects.annotate(actor_role=Subquery(role))
    if mine:
        campaigns = campaigns.filter(actor_role__isnull=False)
    elif not is_administrator:
        campaigns = campaigns.filter(~Q(state=CampaignState.DRAFT) | Q(actor_role__isnull=False))
    if states:
        campaigns = campaigns.filter(state__in=states)
    if language is not None:
        campaigns = campaigns.filter(languages__contains=[language])
    if kind is not None:
        campaigns = campaigns.filter(kinds__contains=[kind])
    return campaigns


def describe_campaign(campaign: Campaign) -> dict[str, Any]:
    """Everything that organizers decide about a campaign, as `CampaignSpec.as_values` writes it.

    Plain JSON, field → value; each parameter is a field `parameters.<name>`. Five queries at most.
    """
    parameters = asdict(read_settings(campaign.parameters))
    return {
        "title": campaign.title,
        "purpose": campaign.purpose,
        "licence": campaign.licence,
        "preset": campaign.preset,
        "languages": list(campaign.languages),
        "kinds": list(campaign.kinds),
        "allow_guests": campaign.allow_guests,
        "guideline": describe_guideline(campaign.guideline),
        "label_schema": describe_label_schema(schema_id=campaign.label_schema_id),
        "targets": list_targets(campaign_id=campaign.pk),
        "shares": list_shares(campaign_id=campaign.pk),
        "generators": list_generator_uses(campaign_id=campaign.pk),
        "output_terms": list(campaign.output_terms),
        "model_licences": list(campaign.model_licences),
        "release": {"schedule": campaign.release_schedule},
        "state": campaign.state,
    } | {f"parameters.{name}": value for name, value in parameters.items()}


def describe_guideline(guideline: Guideline | None) -> dict[str, Any] | None:
    """Text and examples of one version; None where there is none."""
    return None if guideline is None else {"text": guideline.text, "examples": guideline.examples}


def describe_label_schema(*, schema_id: int | None) -> dict[str, Any] | None:
    """The questions of one version of a label schema, in their order; None where there is none."""
    if schema_id is None:
        return None
    dimensions = LabelDimension.objects.filter(schema_id=schema_id).order_by("position", "id")
    return {"dimensions": list(dimensions.values(*DIMENSION_FIELDS))}


def list_targets(*, campaign_id: int) -> list[dict[str, Any]]:
    """The cells that have a target, by language and topic."""
    cells = Stratum.objects.filter(campaign_id=campaign_id, target__isnull=False).order_by("language", "topic")
    return [
        {"language": language, "topic": topic, "judgments": target}
        for language, topic, target in cells.values_list("language", "topic", "target")
    ]


def list_shares(*, campaign_id: int) -> list[dict[str, Any]]:
    """The target shares that are set, by axis and value."""
    shares = TargetShare.objects.filter(campaign_id=campaign_id).values("axis", "value", "share")
    return sorted((dict(share) for share in shares), key=lambda share: (share["axis"], share["value"]))


def list_generator_uses(*, campaign_id: int) -> list[dict[str, Any]]:
    """The generators that a campaign asks, by name. For its organizers' eyes: annotators judge blind."""
    uses = CampaignGenerator.objects.filter(campaign_id=campaign_id).values_list(
        "generator__name", "samples", "is_for_variety"
    )
    # By code point, as CampaignSpec sorts them, whatever the collation of the database.
    return sorted((GeneratorUse(*use).as_values() for use in uses), key=lambda use: str(use["name"]))


def list_site_generators() -> QuerySet[Generator]:
    """The generators of the site. A label of origin, which belongs to a campaign, is never among them."""
    return Generator.objects.filter(campaign__isnull=True).exclude(engine=Engine.LABEL)


def find_site_generators(*, names: list[str] | None = None) -> Mapping[str, Generator]:
    """Generators of the site by name: those of these names, or all."""
    found = list_site_generators() if names is None else list_site_generators().filter(name__in=names)
    return {generator.name: generator for generator in found}


def list_guidelines(*, campaign_id: int) -> QuerySet[Guideline]:
    """Every version of a campaign's guideline, newest first."""
    return Guideline.objects.filter(campaign_id=campaign_id).order_by("-version")


def list_label_schemas(*, campaign_id: int) -> QuerySet[LabelSchema]:
    """Every version of a campaign's label schema with its dimensions, newest first; two queries."""
    return LabelSchema.objects.filter(campaign_id=campaign_id).prefetch_related("dimensions").order_by("-version")


def list_members(*, campaign_id: int) -> QuerySet[Membership]:
    """The people with a role in a campaign, each with their account: one query."""
    return Membership.objects.filter(campaign_id=campaign_id).select_related("user").order_by("pk")


def get_scope(*, campaign_id: int) -> tuple[list[str], list[str], bool]:
    """The languages and the kinds of work of a campaign, and whether trees grow in it."""
    languages, kinds, parameters = Campaign.objects.values_list("languages", "kinds", "parameters").get(pk=campaign_id)
    return languages, kinds, read_settings(parameters).grow_trees


def is_organizer(*, user_id: int) -> bool:
    """Whether this account runs a campaign."""
    return Membership.objects.filter(user_id=user_id, role=CampaignRole.ORGANIZER).exists()


def present_entry(campaign: Campaign) -> dict[str, Any]:
    """A campaign in a list, in the API's shape. Reads no other row."""
    role: str | None = campaign.actor_role  # type: ignore[attr-defined]  # an annotation of the query
    return {name: getattr(campaign, name) for name in ENTRY_FIELDS} | {"role": role}


def present_campaign(campaign: Campaign, *, is_insider: bool) -> dict[str, Any]:
    """A campaign in the API's shape. Its generators are told to insiders alone: whoever judges, judges blind."""
    settings = asdict(read_settings(campaign.parameters))
    guideline, schema = campaign.guideline, campaign.label_schema
    return present_entry(campaign) | {
        "state_changed_at": campaign.state_changed_at,
        "parameters": settings,
        "parameters_version": campaign.parameters_version,
        "guideline": None if guideline is None else present_guideline(guideline),
        "label_schema": None if schema is None else present_label_schema(schema),
        "targets": list_targets(campaign_id=campaign.pk),
        "generators": list_generator_uses(campaign_id=campaign.pk) if is_insider else None,
        "output_terms": campaign.output_terms,
        "model_licences": campaign.model_licences,
        "release": {
            "schedule": campaign.release_schedule,
            "target": settings["release_target"],
            "next_release_at": campaign.next_release_at,
        },
    }


def present_guideline(guideline: Guideline) -> dict[str, Any]:
    """One version of a guideline in the API's shape."""
    return {
        "version": guideline.version,
        "text": guideline.text,
        "examples": guideline.examples,
        "created_at": guideline.created_at,
    }


def present_label_schema(schema: LabelSchema) -> dict[str, Any]:
    """One version of a label schema in the API's shape."""
    dimensions = [{name: getattr(row, name) for name in DIMENSION_FIELDS} for row in schema.dimensions.all()]
    return {"version": schema.version, "dimensions": dimensions, "created_at": schema.created_at}


def present_member(member: Membership) -> dict[str, Any]:
    """Somebody's role in the API's shape."""
    return {
        "user": member.user_id,
        "name": member.user.display_name,
        "email": member.user.email,
        "role": member.role,
        "since": member.created_at,
    }
