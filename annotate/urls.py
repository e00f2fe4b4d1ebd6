"""Every address of the site. The pages and the API name theirs in their own packages."""

from django.contrib import admin
from django.urls import include, path

from annotate.api.views import UnknownAddress
from annotate.web import health
from annotate.web.home import home

urlpatterns = [
    path("", home, name="home"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("annotate.api.urls")),
    path("api/", UnknownAddress.as_view()),
    path("api/<path:rest>", UnknownAddress.as_view()),
]

handler400 = "annotate.api.errors.bad_request"
handler403 = "annotate.api.errors.permission_denied"
handler404 = "annotate.api.errors.page_not_found"
handler500 = "annotate.api.errors.server_error"
