"""Releases over HTTP: ask for one, look how it stands, fetch its files, withdraw it. For organizers and administrators."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import path
from django.utils import timezone
from django.utils.http import parse_etags, quote_etag
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from annotate.access import get_campaign_for
from annotate.api.campaign_shapes import MAX_REASON_CHARS, TERMS
from annotate.api.schema import operation
from annotate.api.serializers import PageQuery, StrictSerializer, page_of, read_body, read_query, take_page
from annotate.api.views import ApiView
from annotate.exceptions import Gone, InvalidInput, NotFound
from annotate.models import Campaign, Release, ReleaseFile, words
from annotate.queries.releases import (
    describe_release,
    find_path,
    find_release,
    find_release_file,
    list_files,
    list_releases,
)
from annotate.services.releases import check_filters, request_release, withdraw_release
from tasks.vocabulary import CampaignRole, ReleaseState, Scope

READING = (Scope.READ, Scope.ORGANIZE)
MEDIA_TYPE = "application/octet-stream"


class ReleaseFilters(StrictSerializer):
    """What a release is limited to; nothing: everything that the campaign holds."""

    languages = serializers.ListField(
        child=serializers.CharField(max_length=16), required=False, max_length=100, min_length=1
    )
    kinds = serializers.ListField(
        child=serializers.CharField(max_length=32), required=False, max_length=20, min_length=1
    )
    output_terms = serializers.ListField(
        child=serializers.CharField(max_length=16),
        required=False,
        max_length=len(TERMS),
        min_length=1,
        help_text="Only texts of generators under these terms, and people's. Within what the campaign takes.",
    )
    model_licences = serializers.ListField(
        child=serializers.CharField(max_length=80),
        required=False,
        max_length=40,
        min_length=1,
        help_text="Only texts of generators whose model has one of these licences, and people's.",
    )


class ReleaseStarted(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    state = serializers.ChoiceField(words.release_states())


class ReleaseEntry(ReleaseStarted):
    reason = serializers.CharField(
        allow_null=True, help_text="Why it failed, why the last attempt did, or why it was withdrawn."
    )
    trigger = serializers.CharField(help_text="request, weekly, monthly or target.")
    filters = serializers.DictField(help_text="What it is limited to.")
    licence = serializers.CharField()
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="Empty until it is sealed.")
    personal_data = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()), help_text="Found by a scan, by table and kind."
    )
    requested_at = serializers.DateTimeField()
    frozen_at = serializers.DateTimeField(allow_null=True, help_text="When its contents were decided.")
    sealed_at = serializers.DateTimeField(allow_null=True)


class ReleaseFileEntry(serializers.Serializer[Any]):
    name = serializers.CharField()
    url = serializers.CharField()
    rows = serializers.IntegerField(allow_null=True, help_text="Null for a file that is no table.")
    bytes = serializers.IntegerField()
    sha256 = serializers.CharField()


class ReleaseShape(ReleaseEntry):
    files = ReleaseFileEntry(many=True, help_text="By name; empty until it is sealed.")


class Releases(ApiView):
    @operation(
        "list_releases",
        summary="List the releases of a campaign, newest first",
        query=PageQuery,
        responses={200: page_of(ReleaseEntry)},
        scopes=READING,
        tag="releases",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Needs the role of organizer."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        rows, following = take_page(list_releases(campaign_id=campaign.pk), **read_query(request, PageQuery))
        return Response({"results": [describe_release(row) for row in rows], "next": following})

    @operation(
        "create_release",
        summary="Ask for a release of what the campaign holds",
        request=ReleaseFilters,
        responses={202: ReleaseStarted},
        errors={
            409: "`campaign_draft`; `nothing_to_release`: no judgment with consent; `release_in_progress`: wait for it."
        },
        scopes=(Scope.ORGANIZE,),
        tag="releases",
    )
    def post(self, request: Request, slug: str) -> Response:
        """A worker builds it: look at its state. Needs the role of organizer."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        filters = read_body(request, ReleaseFilters)
        if problems := check_filters(campaign=campaign, filters=filters):
            raise InvalidInput(next(iter(problems.values()))[0], details=problems)
        release = request_release(campaign=campaign, actor=self.actor, now=timezone.now(), filters=filters)
        return Response({"number": release.number, "state": release.state}, status.HTTP_202_ACCEPTED)


class ReleaseDetail(ApiView):
    @operation(
        "get_release",
        summary="Look how a release stands, and where its files are",
        responses={200: ReleaseShape},
        scopes=READING,
        tag="releases",
    )
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Needs the role of organizer."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        release = find_release(campaign_id=campaign.pk, number=number)
        if release is None:
            raise no_such_release()
        files = [present_file(file, campaign, release, request) for file in list_files(release)]
        return Response({**describe_release(release), "files": files})


class WithdrawBody(StrictSerializer):
    reason = serializers.CharField(
        max_length=MAX_REASON_CHARS, help_text="Why: kept in the audit, and told to whoever asks for a file."
    )


class ReleaseWithdrawal(ApiView):
    @operation(
        "withdraw_release",
        summary="Give the files of a sealed release to nobody any more",
        request=WithdrawBody,
        responses={200: ReleaseEntry},
        errors={409: "`release_not_sealed`: it has no files; `release_withdrawn`: it was withdrawn already."},
        scopes=(Scope.ORGANIZE,),
        tag="releases",
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        """It stays in the list, with its reason and the checksums of its files. The next release is made as if it stood. Needs the role of organizer."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        reason = read_body(request, WithdrawBody)["reason"]
        release = withdraw_release(campaign=campaign, number=number, actor=self.actor, reason=reason)
        return Response(describe_release(release))


class ReleaseFileView(ApiView):
    @operation(
        "get_release_file",
        summary="Fetch a file of a sealed release",
        responses={(200, MEDIA_TYPE): OpenApiTypes.BINARY, 304: None},
        errors={410: "`release_withdrawn`: with the reason; `file_missing`: it is no longer where it was stored."},
        scopes=READING,
        tag="releases",
    )
    def get(self, request: Request, slug: str, number: int, name: str) -> HttpResponseBase:
        """Its `ETag` is its SHA-256. Needs the role of organizer."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        file = find_release_file(campaign_id=campaign.pk, number=number, name=name)
        if file is None:
            raise NotFound("There is no such file. Look at the files of the release.", code="release_file_not_found")
        refuse_withdrawn(file.release)
        return send_file(request, file, download_as=f"{slug}-{number}-{name}")


def refuse_withdrawn(release: Release) -> None:
    """Raise Gone, which says why, for a release that was withdrawn."""
    if release.state == ReleaseState.WITHDRAWN:
        raise Gone(
            _(
                "Release %(number)s was withdrawn, so its files are not given out any more. The reason: %(reason)s "
                "Use a later release, or ask the organizers of the campaign."
            )
            % {"number": release.number, "reason": release.reason},
            code="release_withdrawn",
        )


def send_file(request: Request, file: ReleaseFile, *, download_as: str) -> HttpResponseBase:
    """The file as a stream, or 304 for whoever has it."""
    etag = quote_etag(file.sha256)
    stored = find_path(file)
    if stored is None:
        raise Gone(
            "This file is no longer where it was stored. Tell whoever runs the site, or ask for a new release.",
            code="file_missing",
        )
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        return HttpResponse(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": etag})
    response = FileResponse(stored.open("rb"), as_attachment=True, filename=download_as, content_type=MEDIA_TYPE)
    response["ETag"] = etag
    response["X-Content-Type-Options"] = "nosniff"
    return response


def present_file(file: ReleaseFile, campaign: Campaign, release: Release, request: Request) -> dict[str, Any]:
    """A file with its address."""
    place = {"slug": campaign.slug, "number": release.number, "name": file.name}
    return {
        "name": file.name,
        "url": reverse("api:release_file", kwargs=place, request=request),
        "rows": file.rows,
        "bytes": file.bytes,
        "sha256": file.sha256,
    }


def no_such_release() -> NotFound:
    return NotFound(
        _("This campaign has no release of this number. Look at the list of its releases."), code="release_not_found"
    )


urlpatterns = [
    path("campaigns/<slug:slug>/releases/", Releases.as_view(), name="releases"),
    path("campaigns/<slug:slug>/releases/<int:number>/", ReleaseDetail.as_view(), name="release"),
    path("campaigns/<slug:slug>/releases/<int:number>/withdraw/", ReleaseWithdrawal.as_view(), name="release_withdraw"),
    path(
        "campaigns/<slug:slug>/releases/<int:number>/files/<str:name>", ReleaseFileView.as_view(), name="release_file"
    ),
]
