"""Imports over HTTP: a file or a list of items comes in, a worker reads it, anybody who organizes looks how it stands."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.urls import path
from django.utils.translation import gettext as _
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import get_campaign_for
from annotate.api.parsers import StrictJSONParser
from annotate.api.schema import operation
from annotate.api.serializers import PageQuery, StrictSerializer, page_of, read_body, read_query, take_page
from annotate.api.views import ApiView
from annotate.exceptions import NotFound, TooLarge
from annotate.figures import whole
from annotate.models import words
from annotate.queries.imports import describe_import, find_import, list_imports, list_problems
from annotate.services.imports import ImportOptions, create_import, create_items_import
from tasks.text.languages import MAX_LANGUAGE_CHARS
from tasks.vocabulary import CampaignRole, ImportFormat, Scope

ORGANIZING = (Scope.ORGANIZE,)
MAX_ITEMS = 10_000
MAX_ITEMS_BYTES = 16 * 2**20
#: What a multipart body has around its file.
FRAME_BYTES = 2**20
MULTIPART = "multipart/form-data"


class ItemsParser(StrictJSONParser):
    limit = MAX_ITEMS_BYTES


class ImportBody(StrictSerializer):
    strict = serializers.BooleanField(
        required=False, default=False, help_text="Import nothing at all when one record cannot be used."
    )
    language = serializers.CharField(
        required=False, max_length=MAX_LANGUAGE_CHARS, help_text="Of records that name none; one of the campaign's."
    )
    topic = serializers.CharField(required=False, max_length=80, help_text="Of records that name none.")


class FileBody(ImportBody):
    """A file: prompts one a line, JSONL, Open Assistant's trees, messages and sampling reports, CSV, Parquet; also `.gz`."""

    file = serializers.FileField(allow_empty_file=True)
    format = serializers.ChoiceField(words.import_formats(), required=False, help_text="Told from the file by default.")


class ItemsBody(ImportBody):
    """Records in the request itself."""

    items = serializers.ListField(
        child=serializers.JSONField(allow_null=True),
        min_length=1,
        max_length=MAX_ITEMS,
        help_text='Each `{"prompt", "language", "topic", "difficulty", "tags", "external_id", "candidates": [{"text", "generator"}]}`, '
        "of which only `prompt` and `text` are required. One that cannot be used is told by its number, and the others come in.",
    )


class ImportStarted(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(words.import_states())


class ImportEntry(ImportStarted):
    format = serializers.ChoiceField(words.import_formats(), allow_null=True, help_text="Null until it is told.")
    file = serializers.CharField(allow_null=True, help_text="The name of the file; null for items.")
    strict = serializers.BooleanField()
    language = serializers.CharField(allow_null=True)
    topic = serializers.CharField(allow_null=True)
    read = serializers.IntegerField(help_text="Records read so far: `added`, `skipped` and `bad` together.")
    added = serializers.IntegerField(help_text="Records that brought a prompt, a candidate or an origin of one.")
    skipped = serializers.IntegerField(help_text="Records that brought nothing, as all was there already.")
    bad = serializers.IntegerField(help_text="Records that cannot be used.")
    prompts_added = serializers.IntegerField()
    candidates_added = serializers.IntegerField()
    bytes = serializers.IntegerField()
    bytes_read = serializers.IntegerField()
    reason = serializers.CharField(allow_null=True, help_text="Why it failed.")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class ImportProblemEntry(serializers.Serializer[Any]):
    line = serializers.IntegerField(help_text="A line, a row, or the number of an item, from 1.")
    reason = serializers.CharField()


class ImportShape(ImportEntry):
    errors = ImportProblemEntry(  # type: ignore[assignment]  # the name is the API's; the class takes fields out of its body
        many=True, help_text="The first thousand records that cannot be used."
    )


class Imports(ApiView):
    parser_classes = (ItemsParser, MultiPartParser)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse a body that is too large before anything reads it; signing in by a session would."""
        refuse_large_body(int(request.META.get("CONTENT_LENGTH") or 0))
        super().initial(request, *args, **kwargs)

    @operation(
        "list_imports",
        summary="List the imports of a campaign, newest first",
        query=PageQuery,
        responses={200: page_of(ImportEntry)},
        scopes=(Scope.READ, Scope.ORGANIZE),
        tag="imports",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Needs the role of organizer."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        rows, following = take_page(list_imports(campaign_id=campaign.pk), **read_query(request, PageQuery))
        return Response({"results": [describe_import(row) for row in rows], "next": following})

    @operation(
        "create_import",
        summary="Import a file, or items",
        request={MULTIPART: FileBody, "application/json": ItemsBody},
        responses={202: ImportStarted},
        scopes=ORGANIZING,
        tag="imports",
    )
    def post(self, request: Request, slug: str) -> Response:
        """A worker reads it: look at its state. The same again adds nothing. Needs the role of organizer."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        if (request.content_type or "").startswith(MULTIPART):
            body = read_body(request, FileBody)
            file = body["file"]
            run = create_import(
                campaign=campaign,
                actor=self.actor,
                chunks=file.chunks(),
                file_name=file.name,
                options=read_options(body),
            )
        else:
            body = read_body(request, ItemsBody)
            run = create_items_import(
                campaign=campaign, actor=self.actor, items=body["items"], options=read_options(body)
            )
        return Response({"id": str(run.public_id), "state": run.state}, status.HTTP_202_ACCEPTED)


class ImportDetail(ApiView):
    @operation(
        "get_import",
        summary="Look how an import stands",
        responses={200: ImportShape},
        scopes=(Scope.READ, Scope.ORGANIZE),
        tag="imports",
    )
    def get(self, request: Request, slug: str, public_id: uuid.UUID) -> Response:
        """Needs the role of organizer."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        run = find_import(campaign_id=campaign.pk, public_id=public_id)
        if run is None:
            raise NotFound(
                "This campaign has no such import. Look at the list of its imports.", code="import_not_found"
            )
        return Response({**describe_import(run), "errors": list_problems(run)})


def read_options(body: dict[str, Any]) -> ImportOptions:
    """How the body wants its records to be read."""
    named = body.get("format")
    return ImportOptions(
        file_format=ImportFormat(named) if named else None,
        strict=body["strict"],
        language=body.get("language"),
        topic=body.get("topic"),
    )


def refuse_large_body(length: int) -> None:
    """Raise TooLarge when a body says that it is longer than any file that is taken."""
    if length > settings.MAX_IMPORT_BYTES + FRAME_BYTES:
        raise TooLarge(
            _("The file is larger than %(bytes)s bytes. Split it, or import it with `manage.py import_data`.")
            % {"bytes": whole(settings.MAX_IMPORT_BYTES)},
            code="file_too_large",
            details={"limit_bytes": settings.MAX_IMPORT_BYTES},
        )


urlpatterns = [
    path("campaigns/<slug:slug>/imports/", Imports.as_view(), name="imports"),
    path("campaigns/<slug:slug>/imports/<uuid:public_id>/", ImportDetail.as_view(), name="import"),
]
