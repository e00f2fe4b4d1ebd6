"""Addresses of the pages, from one module for each part; each exposes `urlpatterns`."""

from django.urls import URLPattern, URLResolver, include, path

#: The busiest first: each address is compared with those before it.
PARTS = (
    "work",
    "home",
    "campaigns",
    "campaign_new",
    "campaign_edit",
    "campaign_state",
    "campaign_api",
    "guideline",
    "questions",
    "targets",
    "imports",
    "briefs",
    "gold",
    "members",
    "generators",
    "site_generators",
    "generator_trials",
    "releases",
    "results_agreement",
    "results_consensus",
    "results_leaderboard",
    "results_annotators",
    "results_findings",
    "results_perspectives",
    "results_saving",
    "coverage",
    "audit",
    "me",
    "my_reliability",
    "account",
    "away",
    "door",
    "previews",
    "tree_states",
    "trees",
    "messages",
    "message_acts",
    "message_moderation",
    "revisions",
    "campaign_page",
)

urlpatterns: list[URLPattern | URLResolver] = [path("", include(f"annotate.web.{part}")) for part in PARTS]
