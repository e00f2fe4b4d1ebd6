"""What needs somebody in a campaign whose trees grow, or where something was reported."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate.figures import whole
from annotate.models import Campaign
from annotate.queries.campaign_page import Numbers
from annotate.queries.tree_facts import SPAM, WRONG_LANGUAGE
from annotate.web.campaign_trees import tell_nobody
from annotate.web.names import isolated, language_name
from annotate.web.problems import MOST_ALIKE, Problem, make_link
from annotate.web.tree_words import REASONS
from tasks.records.parameters import read_settings
from tasks.vocabulary import STARTING_KINDS, Kind, TreeReason


def find_growth_problems(campaign: Campaign, numbers: Numbers) -> Iterator[Problem]:
    """What stops trees from growing as they should, what stops everything first. Nothing where none grow."""
    settings = read_settings(campaign.parameters)
    if not settings.grow_trees or numbers.setup is None:
        return
    yield from _cannot_grow(campaign, numbers)
    yield from _prompts_run_out(campaign, numbers, active=settings.active_trees)
    yield from _reviews_miss_something(campaign, numbers)
    yield from _nobody_reviews(campaign, numbers)
    yield from _stopped(numbers)


def find_reported(numbers: Numbers) -> Iterator[Problem]:
    """Messages that people reported and nobody looked at yet, those that most reported first."""
    reported = numbers.overview.get("reported") or {"messages": 0, "most": []}
    for message, language, reports in reported["most"][:MOST_ALIKE]:
        sentence = ngettext(
            "%(n)s person reported a message in %(language)s",
            "%(n)s people reported a message in %(language)s",
            reports,
        )
        more = reported["messages"] - len(reported["most"])
        yield Problem(
            "reported",
            sentence % {"n": whole(reports), "language": isolated(language_name(language))},
            _count_more_reported(more),
            _("Look at it"),
            make_link("message", message),
        )


def _count_more_reported(more: int) -> str:
    told = _("Say whether it may stay. Enough reports hide it until you do.")
    if more <= 0:
        return told
    others = ngettext("%(n)s more message was reported.", "%(n)s more messages were reported.", more)
    return f"{told} {others % {'n': whole(more)}}"


def _cannot_grow(campaign: Campaign, numbers: Numbers) -> Iterator[Problem]:
    """No reply of an assistant can come: nobody may write one, and no generator does."""
    if Kind.WRITE_ASSISTANT_REPLY in campaign.kinds or (numbers.setup and numbers.setup.has_generators):
        return
    yield Problem(
        "cannot_grow",
        _("Trees cannot grow: nobody is asked for replies"),
        _("Add “Reply as the assistant” to the kinds of work, or let a generator write replies."),
        _("Change the kinds of work"),
        make_link("campaign_edit", campaign.slug),
    )


def _prompts_run_out(campaign: Campaign, numbers: Numbers, *, active: int) -> Iterator[Problem]:
    """Languages with room for more trees in which none waits, while nobody may write prompts."""
    if any(kind in STARTING_KINDS for kind in campaign.kinds):
        return
    short = [
        row["language"]
        for row in numbers.supply
        if row["growing"] < active and not row["waiting"] and row["language"] in campaign.languages
    ]
    if short:
        yield Problem(
            "prompts_run_out",
            _("No prompt waits in %(languages)s, and nobody may write one") % {"languages": _list_languages(short)},
            _("Add “Write a prompt” to the kinds of work, or import prompts."),
            _("Import prompts"),
            make_link("imports", campaign.slug),
        )


def _reviews_miss_something(campaign: Campaign, numbers: Numbers) -> Iterator[Problem]:
    asked = numbers.setup.asked if numbers.setup else frozenset()
    missing = [name for name in (SPAM, WRONG_LANGUAGE) if name not in asked]
    if Kind.LABEL not in campaign.kinds:
        yield Problem(
            "no_reviews",
            _("Nobody reviews what people write"),
            _("Everything is accepted as it is. Add “Label a message” to the kinds of work."),
            _("Change the kinds of work"),
            make_link("campaign_edit", campaign.slug),
        )
    elif len(missing) > 1:
        yield Problem(
            "reviews_accept_everything",
            _("Reviews accept everything"),
            _("Two questions decide whether a message stays: “spam” and “lang_mismatch”. Your questions have neither."),
            _("Change the questions"),
            make_link("edit_questions", campaign.slug),
        )
    elif missing:
        yield Problem(
            "reviews_miss_something",
            _("Reviews do not ask about everything that decides"),
            _("Two questions decide whether a message stays: “spam” and “lang_mismatch”. Yours lack “%(name)s”.")
            % {"name": missing[0]},
            _("Change the questions"),
            make_link("edit_questions", campaign.slug),
        )


def _nobody_reviews(campaign: Campaign, numbers: Numbers) -> Iterator[Problem]:
    """Languages in which something waits for a review, and nobody has worked lately."""
    if campaign.state != "open" or Kind.LABEL not in campaign.kinds or not numbers.progress:
        return
    lacking = {
        queue["language"]
        for queue in numbers.progress["queues"]
        if queue["kind"] == Kind.LABEL and queue["needed"] > queue["done"]
    }
    empty = [row["language"] for row in numbers.supply if row["language"] in lacking and not row["reviewers"]]
    days = read_settings(campaign.parameters).reviewer_days
    detail = ngettext(
        "Nobody worked in this language in the last %(days)s day. What was written waits; invite people who read it.",
        "Nobody worked in this language in the last %(days)s days. What was written waits; invite people who read it.",
        days,
    )
    for language in empty[:MOST_ALIKE]:
        yield Problem("nobody_reviews", tell_nobody(language), detail % {"days": days}, "", "")


def _stopped(numbers: Numbers) -> Iterator[Problem]:
    """Trees that people's skips or reports brought to an end."""
    growth = numbers.overview.get("growth") or {}
    newest = growth.get("newest_stopped", [])[:MOST_ALIKE]
    more = growth.get("stopped", 0) - len(newest)
    for tree, language, reason in newest:
        detail = str(REASONS[TreeReason(reason)]) + " " + _("Restart it, or leave it as it is.")
        if more > 0:
            others = ngettext("%(n)s more tree has stopped.", "%(n)s more trees have stopped.", more)
            detail += " " + others % {"n": whole(more)}
        yield Problem(
            "stopped",
            _("A tree in %(language)s has stopped") % {"language": isolated(language_name(language))},
            detail,
            _("Look at it"),
            make_link("tree", tree),
        )


def _list_languages(codes: list[str]) -> str:
    listed = _(", ").join(isolated(language_name(code)) for code in codes[:5])
    more = len(codes) - 5
    return listed if more <= 0 else _("%(listed)s and %(more)s more") % {"listed": listed, "more": more}
