"""The description of the API: OpenAPI 3.1 for machines, one page for people. Both are public."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_control
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import condition, require_safe
from drf_spectacular.generators import SchemaGenerator
from rest_framework.request import Request

from annotate.api.document import list_groups
from annotate.api.schema import operation
from annotate.api.views import ApiView

MEDIA_TYPE = "application/vnd.oai.openapi+json"


@cache
def describe_api() -> dict[str, Any]:
    """The whole OpenAPI document; the same for the life of the process."""
    return dict(SchemaGenerator().get_schema(request=None, public=True))


@cache
def write_description() -> bytes:
    return json.dumps(describe_api(), ensure_ascii=False).encode("utf-8")


def description_etag(request: HttpRequest, *args: Any, **kwargs: Any) -> str:
    return f'"{hashlib.sha256(write_description()).hexdigest()[:32]}"'


@method_decorator([cache_control(max_age=300, public=True), condition(etag_func=description_etag)], name="dispatch")
class Description(ApiView):
    authentication_classes = ()

    @operation(
        "get_description",
        summary="This description, as OpenAPI 3.1",
        responses={(200, MEDIA_TYPE): dict[str, Any]},
        public=True,
        tag="description",
    )
    def get(self, request: Request) -> HttpResponse:
        """The document from which clients can be generated. The same as a page: `/api/v1/docs/`."""
        return HttpResponse(write_description(), content_type=MEDIA_TYPE)


@require_safe
@gzip_page
@cache_control(max_age=300, public=True)
def docs(request: HttpRequest) -> HttpResponse:
    """The page to read the description; needs no script and nothing from elsewhere."""
    return render(request, "api/docs.html", {"document": describe_api(), "groups": list_groups(describe_api())})


urlpatterns = [
    path("schema/", Description.as_view(), name="description"),
    path("docs/", docs, name="docs"),
]
