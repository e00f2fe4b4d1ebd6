"""Campaigns over HTTP: made, listed, read and changed; their guideline, their questions and their members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import Actor, get_campaign_for, require_campaign_maker
from annotate.api.campaign_shapes import (
    MAX_REASON_CHARS,
    CampaignBody,
    CampaignChangeBody,
    CampaignEntry,
    CampaignListQuery,
    CampaignShape,
    GuidelineShape,
    LabelSchemaShape,
    MemberBody,
    MemberEntry,
    VersionQuery,
)
from annotate.api.schema import operation
from annotate.api.serializers import PageQuery, page_of, read_body, read_query, take_page
from annotate.api.views import ApiView
from annotate.exceptions import InvalidInput, NotFound
from annotate.figures import whole
from annotate.models import Campaign, Guideline, LabelSchema
from annotate.queries.campaigns import (
    INSIDERS,
    list_guidelines,
    list_label_schemas,
    list_members,
    list_visible_campaigns,
    present_campaign,
    present_entry,
    present_guideline,
    present_label_schema,
    present_member,
)
from annotate.services.campaign_files import read_campaign
from annotate.services.campaigns import change_campaign, create_campaign
from annotate.services.memberships import remove_member, set_member
from tasks.vocabulary import CampaignRole, Scope

Version = TypeVar("Version", Guideline, LabelSchema)
ORGANIZING = (Scope.ORGANIZE,)


class Campaigns(ApiView):
    @operation(
        "list_campaigns",
        summary="List the campaigns that you may see, newest first",
        query=CampaignListQuery,
        responses={200: page_of(CampaignEntry)},
        tag="campaigns",
    )
    def get(self, request: Request) -> Response:
        """Drafts are there for their members and for administrators alone."""
        asked = read_query(request, CampaignListQuery)
        page = {"limit": asked.pop("limit"), "cursor": asked.pop("cursor", None)}
        found = list_visible_campaigns(
            user_id=self.actor.user_id,
            is_administrator=self.actor.is_administrator,
            states=(asked["state"],) if "state" in asked else (),
            language=asked.get("language"),
            kind=asked.get("kind"),
            mine=asked.get("mine", False),
        )
        rows, following = take_page(found, **page)
        return Response({"results": [present_entry(row) for row in rows], "next": following})

    @operation(
        "create_campaign",
        summary="Make a campaign; you become its organizer",
        request=CampaignBody,
        responses={201: CampaignShape},
        errors={409: "`slug_taken`; `campaign_not_ready`: it cannot open yet."},
        scopes=ORGANIZING,
        tag="campaigns",
    )
    def post(self, request: Request) -> Response:
        """The preset fills what is not said. It starts as a draft unless `state` is `open`."""
        require_campaign_maker(self.actor)
        body = read_object(request)
        reason = take_reason(body)
        campaign = create_campaign(spec=read_campaign(body), actor=self.actor, now=timezone.now(), reason=reason)
        return Response(_present(get_campaign_for(self.actor, campaign.slug), self.actor), status.HTTP_201_CREATED)


class CampaignDetail(ApiView):
    @operation(
        "get_campaign",
        summary="Read one campaign",
        responses={200: CampaignShape},
        tag="campaigns",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Everybody who is signed in, unless it is a draft. Generators are told to organizers and moderators alone."""
        campaign = get_campaign_for(self.actor, slug, None, "guideline", "label_schema")
        return Response(_present(campaign, self.actor))

    @operation(
        "change_campaign",
        summary="Change a campaign while it runs, or take it to another state",
        request=CampaignChangeBody,
        responses={200: CampaignShape},
        errors={
            409: "`state_not_reachable`, `campaign_not_ready`; `parameters_changed`: somebody was faster.",
        },
        scopes=ORGANIZING,
        tag="campaigns",
    )
    def patch(self, request: Request, slug: str) -> Response:
        """What is not said stays. A changed guideline or label schema is a new version. Needs the role of organizer."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        body = read_object(request)
        reason, version = take_reason(body), _take_version(body)
        change_campaign(
            campaign=campaign,
            spec=read_campaign(body),
            actor=self.actor,
            now=timezone.now(),
            reason=reason,
            parameters_version=version,
        )
        return Response(_present(campaign, self.actor))


class GuidelineView(ApiView):
    @operation(
        "get_guideline",
        summary="Read the guideline, or an earlier version of it",
        query=VersionQuery,
        responses={200: GuidelineShape},
        tag="campaigns",
    )
    def get(self, request: Request, slug: str) -> Response:
        """A judgment keeps the version that it was made under."""
        campaign = get_campaign_for(self.actor, slug)
        found: list[Guideline] = list(list_guidelines(campaign_id=campaign.pk))
        chosen = _choose(found, read_query(request, VersionQuery).get("version"), campaign.guideline_id)
        return Response({**present_guideline(chosen), "versions": [row.version for row in found]})


class LabelSchemaView(ApiView):
    @operation(
        "get_label_schema",
        summary="Read the questions of labels, or an earlier version of them",
        query=VersionQuery,
        responses={200: LabelSchemaShape},
        tag="campaigns",
    )
    def get(self, request: Request, slug: str) -> Response:
        """A judgment keeps the version that it was made under."""
        campaign = get_campaign_for(self.actor, slug)
        found: list[LabelSchema] = list(list_label_schemas(campaign_id=campaign.pk))
        chosen = _choose(found, read_query(request, VersionQuery).get("version"), campaign.label_schema_id)
        return Response({**present_label_schema(chosen), "versions": [row.version for row in found]})


class Members(ApiView):
    @operation(
        "list_members",
        summary="List the people with a role in a campaign",
        query=PageQuery,
        responses={200: page_of(MemberEntry)},
        scopes=(Scope.READ, Scope.ORGANIZE),
        tag="campaigns",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Whoever only judges has no role and is not among them. Needs the role of organizer."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        asked = read_query(request, PageQuery)
        rows, following = take_page(list_members(campaign_id=campaign.pk), newest_first=False, **asked)
        return Response({"results": [present_member(row) for row in rows], "next": following})

    @operation(
        "set_member",
        summary="Give somebody a role, or another one",
        request=MemberBody,
        responses={200: MemberEntry, 201: MemberEntry},
        errors={404: "`user_not_found`: nobody has this address.", 409: "`last_organizer`: nobody else runs it."},
        scopes=ORGANIZING,
        tag="campaigns",
    )
    def put(self, request: Request, slug: str) -> Response:
        """Needs the role of organizer."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        body = read_body(request, MemberBody)
        member, is_new = set_member(
            campaign=campaign,
            email=body["email"],
            role=CampaignRole(body["role"]),
            actor=self.actor,
            reason=body["reason"],
        )
        return Response(present_member(member), status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)


class MemberDetail(ApiView):
    @operation(
        "remove_member",
        summary="Take somebody's role away, or give up your own",
        responses={204: None},
        errors={409: "`last_organizer`: nobody else runs the campaign."},
        scopes=ORGANIZING,
        tag="campaigns",
    )
    def delete(self, request: Request, slug: str, user_id: int) -> Response:
        """Needs the role of organizer; anybody may give up their own role."""
        own = user_id == self.actor.user_id
        campaign = get_campaign_for(self.actor, slug, None if own else CampaignRole.ORGANIZER)
        remove_member(campaign=campaign, user_id=user_id, actor=self.actor)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _present(campaign: Campaign, actor: Actor) -> dict[str, Any]:
    role: str | None = campaign.actor_role  # type: ignore[attr-defined]  # an annotation of the query
    return present_campaign(campaign, is_insider=actor.is_administrator or role in INSIDERS)


def read_object(request: Request) -> dict[str, Any]:
    """The body as a new mapping; `read_campaign` checks what is in it."""
    if not isinstance(request.data, Mapping):
        raise InvalidInput("The body must be an object of names and values.")
    return dict(request.data)


def take_reason(body: dict[str, Any]) -> str:
    """Why, in words, for the audit: taken out of the body."""
    reason = body.pop("reason", "")
    if not isinstance(reason, str) or len(reason) > MAX_REASON_CHARS:
        sentence = _("This must be a text of at most %(most)s characters.") % {"most": whole(MAX_REASON_CHARS)}
        raise InvalidInput(f"reason: {sentence}", details={"reason": [sentence]})
    return reason


def _take_version(body: dict[str, Any]) -> int | None:
    """The version that a change was made from, if it was said: taken out of the body."""
    version = body.pop("parameters_version", None)
    if version is not None and (not isinstance(version, int) or isinstance(version, bool)):
        sentence = "This must be the whole number that the campaign told as its parameters_version."
        raise InvalidInput(f"parameters_version: {sentence}", details={"parameters_version": [sentence]})
    return version


def _choose(found: list[Version], version: int | None, current: int | None) -> Version:
    """The version that was asked for, or the one in force. Raises NotFound."""
    for row in found:
        if (row.pk == current) if version is None else (row.version == version):
            return row
    raise NotFound("The campaign has no such version. See `versions` for those that it has.", code="version_not_found")


urlpatterns = [
    path("campaigns/", Campaigns.as_view(), name="campaigns"),
    path("campaigns/<slug:slug>/", CampaignDetail.as_view(), name="campaign"),
    path("campaigns/<slug:slug>/guideline/", GuidelineView.as_view(), name="guideline"),
    path("campaigns/<slug:slug>/label-schema/", LabelSchemaView.as_view(), name="label_schema"),
    path("campaigns/<slug:slug>/members/", Members.as_view(), name="members"),
    path("campaigns/<slug:slug>/members/<int:user_id>/", MemberDetail.as_view(), name="member"),
]
