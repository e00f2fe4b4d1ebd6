"""Every address of the site. The pages and the API name theirs in their own packages."""

from __future__ import annotations

from types import ModuleType

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from annotate.api import errors as api_errors
from annotate.api.views import UnknownAddress
from annotate.web import errors as page_errors
from annotate.web import health

#: The API first: finding the prefix of an address is quicker than comparing the address with every page's.
urlpatterns = [
    path("api/v1/", include(("annotate.api.urls", "api"))),
    path("api/", UnknownAddress.as_view()),
    path("api/<path:rest>", UnknownAddress.as_view()),
    path("", include("annotate.web.urls")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
]


# What fails before or outside of a view: the API's part of the site gets its envelope, people get a page.
def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    answer: HttpResponse = _errors_of(request).bad_request(request, exception)
    return answer


def handler403(request: HttpRequest, exception: Exception) -> HttpResponse:
    answer: HttpResponse = _errors_of(request).permission_denied(request, exception)
    return answer


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    answer: HttpResponse = _errors_of(request).page_not_found(request, exception)
    return answer


def handler500(request: HttpRequest) -> HttpResponse:
    answer: HttpResponse = _errors_of(request).server_error(request)
    return answer


def _errors_of(request: HttpRequest) -> ModuleType:
    return api_errors if request.path_info.startswith("/api/") else page_errors
