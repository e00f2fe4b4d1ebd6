"""The trees of a campaign on its page: how many are in which state, who reviews them, and how many prompts are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate.models import Campaign
from annotate.queries.campaign_page import Numbers
from annotate.queries.tree_facts import make_rules
from annotate.web.names import isolated, language_name
from tasks.records.parameters import CampaignSettings, read_settings
from tasks.scheduling.trees import minimum_reviews
from tasks.vocabulary import Kind, TreeState

#: The columns of the table: states that are told together.
COLUMNS: tuple[tuple[str, tuple[TreeState, ...]], ...] = (
    ("prompt_review", (TreeState.PROMPT_REVIEW,)),
    ("waiting", (TreeState.WAITING,)),
    ("growing", (TreeState.GROWING,)),
    ("ranking", (TreeState.RANKING,)),
    ("done", (TreeState.DONE,)),
    ("ended", (TreeState.LOW_GRADE, TreeState.HALTED, TreeState.RETIRED)),
)
#: Languages that are told of one by one, and those that the table shows; the API has all.
MOST_NOTES, MOST_LANGUAGES = 5, 40
#: States in which people are asked to review.
REVIEWED = (TreeState.PROMPT_REVIEW, TreeState.WAITING, TreeState.GROWING)


def describe_trees(campaign: Campaign, numbers: Numbers) -> dict[str, Any] | None:
    """The table by language with its totals, and where too few people review. None where no trees grow."""
    settings = read_settings(campaign.parameters)
    if not settings.grow_trees:
        return None
    growth = numbers.overview.get("growth") or {"trees": {}}
    supply = {row["language"]: row for row in numbers.supply}
    languages = list(dict.fromkeys([*campaign.languages, *growth["trees"]]))
    rows = [
        describe_language(language, growth["trees"].get(language, {}), supply.get(language)) for language in languages
    ]
    rows.sort(key=lambda row: -row["trees"])
    return {
        "rows": rows[:MOST_LANGUAGES],
        "more": max(0, len(rows) - MOST_LANGUAGES),
        "totals": [sum(row["counts"][place] for row in rows) for place in range(len(COLUMNS))],
        "wanted": sum(row["wanted"] or 0 for row in rows),
        "trees": sum(row["trees"] for row in rows),
        "notes": list_few_reviewers(campaign, settings, numbers),
    }


def describe_language(language: str, counts: Mapping[str, int], supply: Mapping[str, Any] | None) -> dict[str, Any]:
    """A row: trees by column, people who review, prompts that are asked for. None: not counted yet."""
    by_column = [sum(counts.get(state, 0) for state in states) for _name, states in COLUMNS]
    return {
        "language": language,
        "counts": by_column,
        "trees": sum(by_column),
        "reviewers": None if supply is None else supply["reviewers"],
        "wanted": None if supply is None else supply["prompts_wanted"],
    }


def list_few_reviewers(campaign: Campaign, settings: CampaignSettings, numbers: Numbers) -> list[str]:
    """Where so few people review that fewer reviews decide than elsewhere, the fewest first."""
    if Kind.LABEL not in campaign.kinds:
        return []
    needed = {
        row["language"]: count_deciding(settings, row["reviewers"])
        for row in find_reviewed(numbers)
        if row["reviewers"]
    }
    few = [
        row
        for row in find_reviewed(numbers)
        if needed.get(row["language"], settings.min_reviews) < settings.min_reviews
    ]
    few.sort(key=lambda row: (row["reviewers"], row["language"]))
    return [tell_few(row["language"], row["reviewers"], needed[row["language"]]) for row in few[:MOST_NOTES]]


def find_reviewed(numbers: Numbers) -> Sequence[Mapping[str, Any]]:
    """The languages in which something is there that people review, as the last look at the supply found them."""
    trees: Mapping[str, Mapping[str, int]] = (numbers.overview.get("growth") or {}).get("trees", {})
    return [row for row in numbers.supply if any(trees.get(row["language"], {}).get(state) for state in REVIEWED)]


def count_deciding(settings: CampaignSettings, reviewers: int) -> int:
    """How many reviews decide on somebody's message in a language with so many reviewers, its author among them."""
    rules = make_rules(settings=settings, kinds=(), reviewed_roles=(), reviewers=reviewers)
    return minimum_reviews(rules, author=0)


def tell_few(language: str, people: int, reviews: int) -> str:
    """Only 1 person reviews in Lithuanian, so 1 review decides."""
    name = isolated(language_name(language))
    who = ngettext("Only %(n)s person reviews in %(language)s", "Only %(n)s people review in %(language)s", people) % {
        "n": people,
        "language": name,
    }
    return ngettext("%(who)s, so %(n)s review decides.", "%(who)s, so %(n)s reviews decide.", reviews) % {
        "who": who,
        "n": reviews,
    }


def tell_nobody(language: str) -> str:
    """What is said where there is nobody at all."""
    return _("Nobody reviews in %(language)s") % {"language": isolated(language_name(language))}
