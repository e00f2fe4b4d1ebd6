"""Every address of the site. The pages and the API name theirs in their own packages."""

from importlib.util import find_spec

from django.urls import include, path

from annotate.web import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
if find_spec("annotate.api.urls"):
    urlpatterns.append(path("api/v1/", include("annotate.api.urls")))
