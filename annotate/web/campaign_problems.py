"""What needs an organizer or a moderator: only what was counted or stored, each with what to do and where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate.figures import day, two, whole
from annotate.models import Campaign, ImportRun
from annotate.queries.agreement import FEWEST_UNITS
from annotate.queries.campaign_page import Numbers
from annotate.queries.growth import grows_by_itself
from annotate.reasons import tell_reason
from annotate.web.growth_problems import find_growth_problems, find_reported
from annotate.web.names import isolated, language_name
from annotate.web.problems import MOST_ALIKE, Problem, make_link
from tasks.records.parameters import read_settings
from tasks.vocabulary import ORDERING_KINDS, GenerationOutcome, ImportState, ReleaseState

#: An import is told for so long after its end.
RECENT = timedelta(days=14)
#: Agreement is called low where even the upper end of its interval lies below this.
LOW_ALPHA = 0.4
#: Holds run out often where at least so many did in a week, and this share of all that ended.
MANY_EXPIRED, OFTEN = 10, 0.2
#: Problems whose page moderators may open too; the others' are for organizers.
MODERATORS_TOO = frozenset({"generation", "without_candidates", "reported", "stopped", "unlike", "findings"})


def find_problems(*, campaign: Campaign, numbers: Numbers, organizes: bool, now: datetime) -> list[Problem]:
    """The problems, what stops everything first; a moderator is led only where moderators may go."""
    found: list[Problem] = []
    found += _release_failed(campaign, numbers)
    found += _imports(campaign, numbers, now)
    found += find_growth_problems(campaign, numbers)
    found += find_reported(numbers)
    found += _unlike(campaign, numbers)
    found += _findings(campaign, numbers)
    if numbers.progress:
        found += _nothing_to_do(campaign, numbers)
        found += _generation(campaign, numbers)
        found += _without_candidates(campaign, numbers)
        found += _few_people(campaign, numbers)
        found += _targets_without_work(campaign, numbers)
        found += _expired(campaign, numbers, now.astimezone(UTC).date())
    found += _low_agreement(campaign, numbers)
    if organizes:
        return found
    return [problem if problem.code in MODERATORS_TOO else replace(problem, address="") for problem in found]


def _release_failed(campaign: Campaign, numbers: Numbers) -> Iterator[Problem]:
    release = numbers.release
    if release is not None and release.state == ReleaseState.FAILED:
        yield Problem(
            "release_failed",
            _("Release %(number)s could not be made") % {"number": release.number},
            tell_reason(release.reason),
            _("See the releases"),
            make_link("releases", campaign.slug),
        )


def _unlike(campaign: Campaign, numbers: Numbers) -> Iterator[Problem]:
    """Results that came out otherwise when they were computed again, although nobody had judged since."""
    unlike = numbers.overview.get("unlike")
    if unlike is None:
        return
    detail = _("The judgments are as they were; only what was computed from them is in doubt. Keep it as it is, and tell whoever runs this site: the log has more.")  # fmt: skip
    if not unlike["reliability"]:
        yield Problem("unlike", _("How reliable annotators are does not come out as it is stored"), detail, "", "")
    if unlike["consensuses"]:
        sentence = ngettext(
            "%(count)s of %(checked)s consensus does not come out as it is stored",
            "%(count)s of %(checked)s consensuses do not come out as they are stored",
            unlike["consensuses"],
        )
        yield Problem(
            "unlike",
            sentence % {"count": whole(unlike["consensuses"]), "checked": whole(unlike["checked"])},
            detail,
            _("Look at the first"),
            make_link("results_consensus_parent", campaign.slug, unlike["parent"]),
        )


def _findings(campaign: Campaign, numbers: Numbers) -> Iterator[Problem]:
    count = numbers.overview.get("findings", 0)
    if count:
        sentence = ngettext("%(count)s sign in people’s rankings to look at", "%(count)s signs in people’s rankings to look at", count)  # fmt: skip
        detail = _("A sign proves nothing, and nothing follows by itself: somebody should look and decide.")
        yield Problem(
            "findings",
            sentence % {"count": whole(count)},
            detail,
            _("Look at findings"),
            make_link("results_findings", campaign.slug),
        )


def _imports(campaign: Campaign, numbers: Numbers, now: datetime) -> list[Problem]:
    """What failed and was not done since, then lines that could not be used."""
    failed, unusable, done = [], [], set()
    for run in numbers.imports:  # newest first
        if run.state == ImportState.DONE:
            done.add(run.file_name)
        if run.finished_at is None or run.finished_at <= now - RECENT:
            continue
        address = make_link("import_run", campaign.slug, run.public_id)
        if run.state == ImportState.FAILED and run.file_name not in done:
            sentence = _("Import failed: %(name)s") % {"name": _name_import(run)}
            failed.append(Problem("import_failed", sentence, tell_reason(run.reason), _("See what happened"), address))
        elif run.state == ImportState.DONE and run.bad:
            detail = _("The others are in. Correct these and import the file again: what is there is not doubled.")
            unusable.append(Problem("import_lines", _count_unusable(run), detail, _("See each line"), address))
    return failed[:MOST_ALIKE] + unusable[:MOST_ALIKE]


def _nothing_to_do(campaign: Campaign, numbers: Numbers) -> Iterator[Problem]:
    units = numbers.progress["units"]
    if campaign.state != "open" or grows_by_itself(campaign):
        return
    if not units["open"]:
        yield Problem(
            "no_work",
            _("There is nothing to work on"),
            _("The campaign is open, and it has no prompts that people could judge."),
            _("Import prompts"),
            make_link("imports", campaign.slug),
        )
    elif units["done"] >= units["needed"]:
        yield Problem(
            "all_done",
            _("Everything has the judgments it needs"),
            _("Whoever comes now finds no work. Import more, ask for more judgments, or close the campaign."),
            _("Import prompts"),
            make_link("imports", campaign.slug),
        )


def _generation(campaign: Campaign, numbers: Numbers) -> Iterator[Problem]:
    for row in numbers.overview.get("generation", [])[:MOST_ALIKE]:
        values = {"generator": row["generator"], "count": whole(row["requests"])}
        sentence = ngettext("%(generator)s: %(count)s reply %(what)s", "%(generator)s: %(count)s replies %(what)s", row["requests"])  # fmt: skip
        latest = row["latest"]
        detail = _("Nothing is lost: the prompts wait. You can ask again when the cause is gone.")
        if latest:
            last = _("Last on %(day)s.") % {"day": day(datetime.fromisoformat(latest))}
            detail = f"{last} {detail}"
        yield Problem(
            "generation",
            sentence % {**values, "what": _outcome(row["outcome"])},
            detail,
            _("See why, try again"),
            make_link("generators", campaign.slug),
        )


def _without_candidates(campaign: Campaign, numbers: Numbers) -> Iterator[Problem]:
    count = numbers.overview.get("without_candidates")
    if count:
        yield Problem(
            "without_candidates",
            ngettext(
                "%(count)s prompt has fewer than two candidates",
                "%(count)s prompts have fewer than two candidates",
                count,
            )
            % {"count": whole(count)},
            _("Nobody can order them yet. Ask generators for replies, or import some."),
            _("Choose generators"),
            make_link("generators", campaign.slug),
        )


def _few_people(campaign: Campaign, numbers: Numbers) -> Iterator[Problem]:
    """Languages in which fewer people can judge than one piece of work needs. Where trees grow only rankings need as many."""
    if campaign.state != "open" or "able" not in numbers.overview:
        return
    settings = read_settings(campaign.parameters)
    needs = settings.redundancy
    lacking = {
        queue["language"]
        for queue in numbers.progress["queues"]
        if queue["needed"] > queue["done"] and (not settings.grow_trees or queue["kind"] in ORDERING_KINDS)
    }
    able = numbers.overview["able"]
    few = sorted((able.get(language, 0), language) for language in lacking if able.get(language, 0) < needs)
    for people, language in few[:MOST_ALIKE]:
        sentence = ngettext(
            "%(language)s: %(people)s person, and each piece of work needs %(needs)s",
            "%(language)s: %(people)s people, and each piece of work needs %(needs)s",
            people,
        )
        yield Problem(
            "few_people",
            sentence % {"language": isolated(language_name(language)), "people": people, "needs": needs},
            _("People who work in this language, or judged in it here in the last 30 days. Invite more, or ask for fewer judgments."),
            _("Change how many"),
            make_link("campaign_edit", campaign.slug, at="parameters"),
        )  # fmt: skip


def _targets_without_work(campaign: Campaign, numbers: Numbers) -> Iterator[Problem]:
    """Languages with a target in which there is no prompt at all."""
    with_work = {queue["language"] for queue in numbers.progress["queues"] if queue["units"]}
    wanted = {cell["language"] for cell in numbers.progress["strata"] if cell["target"]}
    empty = sorted(wanted - with_work)
    if empty and with_work:
        listed = _(", ").join(isolated(language_name(language)) for language in empty[:5])
        more = len(empty) - 5
        yield Problem(
            "targets_without_work",
            _("No prompts in %(languages)s, though judgments are wanted there")
            % {"languages": listed if more <= 0 else _("%(listed)s and %(more)s more") % {"listed": listed, "more": more}},
            _("Import prompts in these languages, or take their targets out."),
            _("Import prompts"),
            make_link("imports", campaign.slug),
        )  # fmt: skip


def _expired(campaign: Campaign, numbers: Numbers, today: date) -> Iterator[Problem]:
    expired = numbers.overview.get("expired_week", 0)
    since = (today - timedelta(days=7)).isoformat()
    given = sum(count for day, count in numbers.overview.get("days", []) if day > since)
    if expired >= MANY_EXPIRED and expired >= OFTEN * (expired + given):
        minutes = read_settings(campaign.parameters).lease_seconds / 60
        yield Problem(
            "expired",
            _("%(expired)s of %(all)s holds ran out in the last 7 days")
            % {"expired": whole(expired), "all": whole(expired + given)},
            _("A hold lasts %(minutes)s minutes without a sign of the person. Drafts are kept. Make holds longer, or pieces smaller.")
            % {"minutes": whole(minutes)},
            _("Change how long"),
            make_link("campaign_edit", campaign.slug, at="parameters"),
        )  # fmt: skip


def _low_agreement(campaign: Campaign, numbers: Numbers) -> Iterator[Problem]:
    """Figures that are low for certain: of a language or a question, or of everything where there is but one."""
    low = [
        report
        for report in numbers.agreement
        if report["coefficient"].endswith("_alpha")
        and report["high"] is not None
        and report["high"] < LOW_ALPHA
        and report["n_units"] >= FEWEST_UNITS
        and (report["language"] is not None or report["dimension"] is not None)
    ]
    low.sort(key=lambda report: report["value"])
    for report in low[:MOST_ALIKE]:
        where = _(", ").join(part for part in (report["dimension"], language_name(report["language"] or "")) if part)
        yield Problem(
            "low_agreement",
            _("People disagree: %(where)s") % {"where": where},
            _("α %(value)s (%(low)s to %(high)s), n = %(n)s. The guideline may leave something open: read it as a volunteer would, and add an example.")
            % {**{name: two(report[name]) for name in ("value", "low", "high")}, "n": whole(report["n_units"])},
            _("Read it as a volunteer"),
            make_link("campaign_preview", campaign.slug),
        )  # fmt: skip


def _outcome(outcome: str) -> str:
    return {
        GenerationOutcome.EMPTY: _("came empty"),
        GenerationOutcome.TRUNCATED: _("came cut short"),
        GenerationOutcome.DUPLICATE_TEXT: _("said what another had said"),
        GenerationOutcome.TIMED_OUT: _("took too long"),
        GenerationOutcome.RATE_LIMITED: _("were refused: too many at once"),
        GenerationOutcome.SERVER_ERROR: _("failed at the server"),
        GenerationOutcome.REFUSED_BY_SERVER: _("were refused by the server"),
        GenerationOutcome.BAD_ANSWER: _("could not be read"),
        GenerationOutcome.UNREACHABLE: _("never came: the server cannot be reached"),
        GenerationOutcome.WORKER_LOST: _("were lost with the process that asked for them"),
    }.get(GenerationOutcome(outcome) if outcome in set(GenerationOutcome) else GenerationOutcome.STORED, _("did not come"))  # fmt: skip


def _name_import(run: ImportRun) -> str:
    return run.file_name or _("an import without a file")


def _count_unusable(run: ImportRun) -> str:
    sentence = ngettext(
        "%(count)s record of %(read)s could not be used: %(name)s",
        "%(count)s records of %(read)s could not be used: %(name)s",
        run.bad,
    )
    return sentence % {"count": whole(run.bad), "read": whole(run.read), "name": _name_import(run)}
