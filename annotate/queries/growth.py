"""What the page of a campaign tells of its trees beside what the sweep counted: a row a language, and how it is set up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from annotate.models import Campaign, LanguageSupply
from annotate.queries.rows import fetch_row
from tasks.records.parameters import read_settings
from tasks.vocabulary import STARTING_KINDS

_SETUP = """
SELECT EXISTS (SELECT 1 FROM annotate_campaigngenerator g WHERE g.campaign_id = c.id) AS has_generators,
  ARRAY(SELECT d.name FROM annotate_labeldimension d WHERE d.schema_id = c.label_schema_id ORDER BY d.position, d.id) AS asked
FROM annotate_campaign c WHERE c.id = %(campaign)s"""


SUPPLY_FIELDS = (
    "language",
    "reviewers",
    "in_review",
    "waiting",
    "growing",
    "ranking",
    "done",
    "prompts_wanted",
    "counted_at",
)


@dataclass(frozen=True, slots=True)
class GrowthSetup:
    """Whether generators write replies here, and the names of the questions that labels ask."""

    has_generators: bool
    asked: frozenset[str]


def load_supply_rows(*, campaign_id: int) -> list[dict[str, Any]]:
    """By language: trees by state, people who reviewed lately, prompts that are asked for; as the last look found it."""
    rows = LanguageSupply.objects.filter(campaign_id=campaign_id).order_by("language")
    return [dict(row) for row in rows.values(*SUPPLY_FIELDS)]


def grows_by_itself(campaign: Campaign) -> bool:
    """Whether work comes without an import: trees grow, and people are asked for prompts as trees need them."""
    asks = any(kind in STARTING_KINDS for kind in campaign.kinds)
    return asks and read_settings(campaign.parameters).grow_trees


def load_growth_setup(*, campaign_id: int) -> GrowthSetup:
    row = fetch_row(_SETUP, {"campaign": campaign_id})
    return GrowthSetup(row["has_generators"], frozenset(row["asked"]))
