"""Addresses of the API, from one module for each part; each exposes `urlpatterns`."""

from django.urls import URLPattern, URLResolver, include, path, re_path

from annotate.api.views import UnknownAddress

#: The busiest first: each address is compared with those before it.
PARTS = (
    "work",
    "judgments",
    "people",
    "reading",
    "messages",
    "campaigns",
    "briefs",
    "gold",
    "generators",
    "trials",
    "moderation",
    "imports",
    "generation",
    "quality",
    "leaderboard",
    "reliability",
    "descriptions",
    "findings",
    "saving",
    "coverage",
    "target_space",
    "unit_places",
    "simulations",
    "perspectives",
    "releases",
    "audit",
    "description",
)

urlpatterns: list[URLPattern | URLResolver] = [
    *(path("", include(f"annotate.api.{part}")) for part in PARTS),
    re_path(r"", UnknownAddress.as_view(), name="unknown_address"),
]
