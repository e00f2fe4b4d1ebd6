"""What a simulation starts from: a campaign's open work and its people's past; and the simulations that were made.

Nothing here writes. Nobody of the past has a name.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from annotate.models import Brief, Campaign, Simulation, Stratum
from annotate.queries.campaigns import describe_campaign
from annotate.queries.planning import time_kinds
from annotate.queries.rows import Row, fetch_all, fetch_row
from tasks.records.growing_simulations import DECIDED, GrowingCampaign
from tasks.records.parameters import read_settings
from tasks.records.simulations import Past, PastPerson, SimulatedCampaign, WorkUnit
from tasks.vocabulary import ORDERING_KINDS, STARTING_KINDS, BriefOrigin, Kind, TargetAxis

#: Orders that a simulation imagines at most, drawn by lot; and judgments and days of the past that it looks at.
MOST_UNITS = 200_000
MOST_JUDGMENTS = 200_000
PAST_DAYS = 90
MOST_BRIEFS = 1_000
MINUTES_A_DAY = 1440

_QUEUES = """ARRAY(SELECT q.id FROM annotate_queue q
  WHERE q.campaign_id = %(campaign)s AND NOT q.is_gold AND q.kind = ANY(%(ordering)s::text[]))"""

_UNITS = f"""
SELECT u.kind, COALESCE(cell.language, t.language) AS language, CASE WHEN cell.id IS NULL THEN t.topic ELSE COALESCE(o.name, '') END AS topic, t.topic AS target_topic,
  COALESCE(cell.difficulty, t.difficulty) AS difficulty, char_length(root.text) AS characters, u.done,
  (SELECT count(*) FROM annotate_unitcandidate uc WHERE uc.unit_id = u.id AND uc.removed_at IS NULL) AS candidates,
  1 - k.uncertainty AS confidence,
  GREATEST(extract(epoch FROM %(now)s::timestamptz - m.created_at), 0)::float8 / 86400 AS waited
FROM annotate_unit u
JOIN annotate_message m ON m.id = u.subject_id
JOIN annotate_message root ON root.id = m.thread[1]
JOIN annotate_messagetree t ON t.id = m.tree_id
LEFT JOIN annotate_promptplace p ON p.message_id = root.id
LEFT JOIN annotate_coveragecell cell ON cell.id = p.cell_id
LEFT JOIN annotate_topic o ON o.id = cell.topic_id
LEFT JOIN annotate_consensus k ON k.id = m.current_consensus_id
WHERE u.queue_id = ANY({_QUEUES}) AND u.is_open
ORDER BY hashint8extended(u.id, 1), u.id LIMIT %(most)s"""

_COUNT = f"""
SELECT count(*) AS units FROM (
  SELECT 1 FROM annotate_unit u WHERE u.queue_id = ANY({_QUEUES}) AND u.is_open LIMIT %(most)s) open"""

_SHARES = """
SELECT c.language, COALESCE(o.name, '') AS topic, c.difficulty, c.length, sum(c.share) AS share
FROM annotate_coveragecell c LEFT JOIN annotate_topic o ON o.id = c.topic_id
WHERE c.campaign_id = %(campaign)s AND c.share > 0 GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"""

#: Guests who became an account count as that.
_PAST = f"""
WITH given AS (
  SELECT COALESCE(a.merged_into_id, a.id) AS annotator, j.created_at, j.active_seconds, q.language
  FROM annotate_judgment j JOIN annotate_unit u ON u.id = j.unit_id JOIN annotate_queue q ON q.id = u.queue_id
  JOIN annotate_annotator a ON a.id = j.annotator_id
  WHERE u.queue_id = ANY({_QUEUES}) AND j.is_current AND j.terms_version <> 'imported' AND j.created_at > %(since)s
  ORDER BY j.created_at DESC LIMIT %(most)s),
newest AS (
  SELECT s.id FROM annotate_reliabilitysnapshot s WHERE s.campaign_id = %(campaign)s ORDER BY s.version DESC LIMIT 1)
SELECT g.annotator,
  array_agg(extract(epoch FROM g.created_at)::float8 ORDER BY g.created_at) AS moments,
  array_agg(g.active_seconds) FILTER (WHERE g.active_seconds > 0) AS seconds,
  array_agg(DISTINCT g.language) AS judged,
  ARRAY(SELECT l.language FROM annotate_languageskill l WHERE l.annotator_id = g.annotator ORDER BY 1) AS skills,
  (SELECT r.sharpness FROM annotate_annotatorreliability r JOIN newest ON newest.id = r.snapshot_id
   WHERE r.annotator_id = g.annotator) AS sharpness,
  (SELECT o."group" FROM annotate_opinionmember o
   WHERE o.campaign_id = %(campaign)s AND o.annotator_id = g.annotator) AS opinion,
  EXISTS (SELECT 1 FROM annotate_finding f JOIN annotate_annotator x ON x.id = f.annotator_id
          WHERE f.campaign_id = %(campaign)s AND f.state = 'upheld'
            AND COALESCE(x.merged_into_id, x.id) = g.annotator) AS is_spam
FROM given g GROUP BY g.annotator ORDER BY g.annotator"""


def load_simulated(*, campaign: Campaign, now: datetime) -> SimulatedCampaign:
    """A campaign as a simulation starts from it. Five statements, whatever its size."""
    params = _name(campaign.pk)
    rows = fetch_all(_UNITS, {**params, "most": MOST_UNITS, "now": now})
    shares = fetch_all(_SHARES, params)
    targets = Stratum.objects.filter(campaign=campaign, target__isnull=False).order_by("language", "topic")
    return SimulatedCampaign(
        title=campaign.title,
        languages=tuple(campaign.languages),
        units=tuple(_make_unit(row) for row in rows),
        parameters=dict(campaign.parameters),
        shares={(row["language"], row["topic"], row["difficulty"], row["length"]): row["share"] for row in shares},
        targets={(one.language, one.topic): one.target for one in targets if one.target},
        past=load_past(campaign=campaign, now=now),
    )


def grows_from_nothing(*, parameters: Mapping[str, Any], kinds: Iterable[str]) -> bool:
    """Whether a campaign is imagined as one whose trees grow: where people begin them, nothing need be there."""
    return read_settings(parameters).grow_trees and any(kind in STARTING_KINDS for kind in kinds)


def load_imagined(*, campaign: Campaign, now: datetime) -> SimulatedCampaign | GrowingCampaign:
    """A campaign as a simulation starts from it: from nothing where its trees grow, else from its open orders."""
    if grows_from_nothing(parameters=campaign.parameters, kinds=campaign.kinds):
        return load_growing(campaign=campaign, now=now)
    return load_simulated(campaign=campaign, now=now)


def load_growing(*, campaign: Campaign, now: datetime) -> GrowingCampaign:
    """A campaign that grows trees as a simulation makes one like it: what was decided, nothing that was written.

    Shares of topics stay behind: topics are numbered as they were found here, and are found anew there.
    """
    decided = describe_campaign(campaign)
    # A brief that nobody made is the campaign's own, by which it asks for whatever people like.
    own = Brief.objects.filter(campaign=campaign, origin=BriefOrigin.ORGANIZER, created_by__isnull=False)
    briefs = own.filter(is_open=True, language__in=campaign.languages).order_by("pk")
    return GrowingCampaign(
        title=campaign.title,
        languages=tuple(campaign.languages),
        parameters=dict(campaign.parameters),
        description={name: decided[name] for name in DECIDED if decided[name]}
        | {"shares": [share for share in decided["shares"] if share["axis"] != TargetAxis.TOPIC]},
        briefs=tuple(briefs.values("language", "topic", "difficulty", "words", "wanted")[:MOST_BRIEFS]),
        past=load_past(campaign=campaign, now=now, kinds=tuple(Kind)),
        minutes=dict(time_kinds(campaign_id=campaign.pk)),
    )


def load_past(*, campaign: Campaign, now: datetime, kinds: Sequence[Kind] = ORDERING_KINDS) -> Past:
    """How people worked in a campaign in the last days, at work of these kinds. One statement."""
    since = now - timedelta(days=PAST_DAYS)
    rows = fetch_all(_PAST, {**_name(campaign.pk, kinds), "since": since, "most": MOST_JUDGMENTS})
    if not rows:
        return Past()
    start = min(row["moments"][0] for row in rows)
    return Past(
        people=tuple(_make_person(row, start=start, campaign=campaign) for row in rows),
        start_hour=start / 3600 % 24,
        seconds=tuple(value for row in rows for value in row["seconds"] or ()),
        minutes=(now.timestamp() - start) / 60,
    )


def count_orders(*, campaign_id: int, most: int = MOST_UNITS) -> int:
    """Open orders of a campaign, those that have what they want included, up to `most`: by itself what is imagined."""
    return int(fetch_row(_COUNT, {**_name(campaign_id), "most": most})["units"])


def list_simulations(*, campaign_id: int) -> QuerySet[Simulation]:
    """The simulations of a campaign without their reports."""
    return Simulation.objects.filter(campaign_id=campaign_id).select_related("requested_by").defer("report")


def find_simulation(*, campaign_id: int, simulation_id: int) -> Simulation | None:
    """One simulation of a campaign, with its report."""
    return Simulation.objects.filter(campaign_id=campaign_id, pk=simulation_id).first()


def tell_failure(reason: str) -> str:
    """Why a simulation failed, as a sentence; `reason` is as its row has it."""
    told: Mapping[str, Any] = {
        "stopped": _("It was stopped. Nothing of it is kept; ask for it again when you like."),
        "took_too_long": _("It took longer than a simulation may. Ask for fewer people, days or repetitions."),
        "worker_lost": _("The worker that ran it died. Ask for it again."),
        "nothing_to_rank": _(
            "There is nothing to put in order: no prompt here has two candidates. Bring some in first."
        ),
        "broken": _(
            "It broke off because of a mistake in the program. Whoever runs the site finds it in the workers’ log."
        ),
    }
    return str(told.get(reason, reason))


def _make_unit(row: Row) -> WorkUnit:
    return WorkUnit(
        language=row["language"],
        characters=row["characters"],
        candidates=row["candidates"],
        topic=row["topic"],
        difficulty=row["difficulty"],
        done=row["done"],
        confidence=row["confidence"],
        waited=row["waited"],
        kind=row["kind"],
        target_topic=row["target_topic"],
    )


def _make_person(row: Row, *, start: float, campaign: Campaign) -> PastPerson:
    languages = [one for one in row["skills"] if one in campaign.languages] or row["judged"]
    return PastPerson(
        languages=tuple(languages),
        judgments=tuple((moment - start) / 60 for moment in row["moments"]),
        sharpness=row["sharpness"],
        opinion=row["opinion"],
        is_spam=row["is_spam"],
    )


def _name(campaign_id: int, kinds: Sequence[Kind] = ORDERING_KINDS) -> Row:
    return {"campaign": campaign_id, "ordering": [kind.value for kind in kinds]}
