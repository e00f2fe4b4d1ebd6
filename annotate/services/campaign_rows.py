"""The row of a campaign and the versions of its parameters, as `services.campaigns` makes and changes them."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from annotate.access import Actor
from annotate.exceptions import Conflict
from annotate.models import Campaign, CampaignParameters
from annotate.services.campaign_contradictions import PARAMETER
from tasks.records.campaigns import CampaignSpec
from tasks.records.parameters import read_settings
from tasks.scheduling.release_dates import next_release_at
from tasks.vocabulary import CampaignState

PLAIN_FIELDS = (
    "title", "purpose", "licence", "languages", "kinds", "allow_guests", "output_terms", "model_licences",
)  # fmt: skip


def insert_campaign(*, spec: CampaignSpec, actor: Actor | None, now: datetime) -> Campaign:
    try:
        with transaction.atomic():  # a savepoint: a slug that is taken must not end the caller's transaction
            campaign = Campaign.objects.create(
                slug=str(spec.slug),
                preset=str(spec.preset),
                parameters=asdict(read_settings(spec.parameters)),
                release_schedule=None if spec.release is None else spec.release.schedule,
                created_by=None if actor is None else actor.user,
                created_at=now,
                state_changed_at=now,
                **{name: _as_column(getattr(spec, name)) for name in PLAIN_FIELDS},
            )
    except IntegrityError as error:
        if Campaign.objects.filter(slug=spec.slug).exists():
            raise Conflict(
                _('There is a campaign "%(slug)s" already. Choose another slug.') % {"slug": spec.slug},
                code="slug_taken",
            ) from error
        raise
    _keep_parameters(campaign=campaign, actor=actor, now=now)
    return campaign


def write_fields(
    *, campaign: Campaign, spec: CampaignSpec, fields: set[str], actor: Actor | None, now: datetime
) -> None:
    """Columns of the campaign itself, and its parameters as a new version."""
    columns = [name for name in PLAIN_FIELDS if name in fields]
    for name in columns:
        setattr(campaign, name, _as_column(getattr(spec, name)))
    if "release" in fields and spec.release is not None:
        campaign.release_schedule = spec.release.schedule
        is_draft = campaign.state == CampaignState.DRAFT
        campaign.next_release_at = None if is_draft else next_release_at(schedule=spec.release.schedule, after=now)
        columns += ["release_schedule", "next_release_at"]
    if columns:
        campaign.save(update_fields=columns)
    named = {name: value for name, value in spec.parameters.items() if f"{PARAMETER}{name}" in fields}
    if named:
        _change_parameters(campaign=campaign, named=named, actor=actor, now=now)


def _change_parameters(*, campaign: Campaign, named: Mapping[str, Any], actor: Actor | None, now: datetime) -> None:
    version = campaign.parameters_version
    values = asdict(read_settings({**campaign.parameters, **named}))
    # Compare and swap: also somebody who writes without holding the row is never overwritten.
    written = Campaign.objects.filter(pk=campaign.pk, parameters_version=version).update(
        parameters=values, parameters_version=version + 1
    )
    if not written:
        raise Conflict(
            _("Somebody changed the parameters meanwhile. Look at them and try again."), code="parameters_changed"
        )
    campaign.parameters, campaign.parameters_version = values, version + 1
    _keep_parameters(campaign=campaign, actor=actor, now=now)


def _keep_parameters(*, campaign: Campaign, actor: Actor | None, now: datetime) -> None:
    CampaignParameters.objects.create(
        campaign=campaign,
        version=campaign.parameters_version,
        values=campaign.parameters,
        created_by=None if actor is None else actor.user,
        created_at=now,
    )


def _as_column(value: Any) -> Any:
    return [str(item) for item in value] if isinstance(value, tuple) else value
