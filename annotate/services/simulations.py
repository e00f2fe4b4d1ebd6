"""Simulations as rows: asked for, taken up by a worker, done or failed.

queued → running: a worker took the lease; running → queued: it died, and another one begins anew; running → done: the report
is there; queued or running → failed: stopped by hand, or it broke off, and the row says why. One runs at a time.

A running row's report is `{"progress": [steps done, of how many]}`. The end of the lease is its token: whoever renews it,
and whoever stores a report, names the one they have.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotate.access import Actor
from annotate.exceptions import Conflict, InvalidInput, NotFound
from annotate.models import Campaign, Simulation
from annotate.queries.rows import fetch_one, run
from annotate.queries.simulations import count_orders, find_simulation, grows_from_nothing
from annotate.wake import wake
from tasks.records.simulations import SimulationPlan, find_plan_problems
from tasks.vocabulary import JobName, SimulationState

LEASE_SECONDS = 90
#: Simulations of one campaign, and of one person, that may wait or run at once; of one campaign that are kept.
MOST_OF_ONE, MOST_OF_PERSON, MOST_KEPT = 3, 4, 50
#: A row that lost its worker so often is not tried again.
MOST_ATTEMPTS = 2
WAITING = (SimulationState.QUEUED, SimulationState.RUNNING)

_CLAIM = """
UPDATE annotate_simulation s
SET state = 'running', lease_expires_at = %(lease)s,
  report = jsonb_build_object('progress', jsonb_build_array(0, 0),
    'attempts', COALESCE((s.report->>'attempts')::int, 0) + 1)
WHERE s.id = (
  SELECT w.id FROM annotate_simulation w
  WHERE (w.state = 'queued' OR w.state = 'running' AND w.lease_expires_at <= %(now)s)
    AND NOT EXISTS (SELECT 1 FROM annotate_simulation r WHERE r.state = 'running' AND r.lease_expires_at > %(now)s)
  ORDER BY w.id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING s.id, (s.report->>'attempts')::int AS attempts"""

_RENEW = """
UPDATE annotate_simulation SET lease_expires_at = %(until)s,
  report = jsonb_set(report, '{progress}', %(progress)s::jsonb)
WHERE id = %(id)s AND state = 'running' AND lease_expires_at = %(lease)s"""

_END = """
UPDATE annotate_simulation SET state = %(state)s, report = %(report)s::jsonb, reason = %(reason)s, finished_at = %(now)s,
  lease_expires_at = NULL
WHERE id = %(id)s AND state = 'running' AND lease_expires_at = %(lease)s"""

_STOP = """
UPDATE annotate_simulation SET state = 'failed', report = NULL, reason = 'stopped', finished_at = %(now)s,
  lease_expires_at = NULL
WHERE id = %(id)s AND state IN ('queued', 'running')"""

_FORGET = """
DELETE FROM annotate_simulation s WHERE s.campaign_id = %(campaign)s AND s.state IN ('done', 'failed')
  AND s.id <= (SELECT id FROM annotate_simulation WHERE campaign_id = %(campaign)s ORDER BY id DESC OFFSET %(most)s LIMIT 1)"""


def request_simulation(*, campaign: Campaign, plan: SimulationPlan, actor: Actor | None, now: datetime) -> Simulation:
    """Queue a simulation; a worker runs it. Nothing of the campaign is changed by it.

    Raises InvalidInput `simulation_invalid` with every problem at its place, Conflict `nothing_to_rank` and
    `too_many_simulations`.
    """
    check_plan(plan, campaign=campaign)
    _check_orders(campaign)
    person = None if actor is None else actor.user_id
    with transaction.atomic():
        if person is not None:  # whoever asks twice at once is counted one after the other
            run("SELECT pg_advisory_xact_lock(hashtext('annotate_simulation_of'), %(key)s)", {"key": person % 2**31})
        Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
        _check_room(campaign, person=person)
        simulation = Simulation.objects.create(
            campaign=campaign,
            asked=plan.as_json(),
            requested_by_id=person,
            requested_at=now,
        )
        run(_FORGET, {"campaign": campaign.pk, "most": MOST_KEPT})
        wake(JobName.RUN_SIMULATIONS)
    return simulation


def check_plan(plan: SimulationPlan, *, campaign: Campaign) -> None:
    """Refuse a plan that cannot be run, with every problem at its place."""
    problems = find_plan_problems(plan, parameters=campaign.parameters, limits=True)
    if problems:
        raise InvalidInput(
            _("This cannot be simulated. See what is wrong with it; nothing was changed."),
            code="simulation_invalid",
            details={place: [sentence] for place, sentence in problems.items()},
        )


def stop_simulation(*, campaign: Campaign, simulation_id: int, now: datetime) -> Simulation:
    """End a simulation that waits or runs. Raises NotFound `simulation_not_found`, Conflict `simulation_ended`."""
    stopped = False
    with transaction.atomic():
        found = find_simulation(campaign_id=campaign.pk, simulation_id=simulation_id)
        if found is not None:
            stopped = run(_STOP, {"id": found.pk, "now": now}) == 1
    if found is None:
        raise NotFound(_("This campaign has no such simulation. Look at the list."), code="simulation_not_found")
    if not stopped:
        raise Conflict(_("This simulation has ended already. Nothing was changed."), code="simulation_ended")
    found.refresh_from_db()
    return found


def claim_simulation(*, now: datetime) -> Simulation | None:
    """Take the lease of the first simulation that waits, also one whose worker died, unless one is running."""
    while True:
        with transaction.atomic():
            # One at a time: whoever claims waits for whoever is claiming.
            run("SELECT pg_advisory_xact_lock(hashtext('annotate_simulation'))", {})
            row = fetch_one(_CLAIM, {"now": now, "lease": now + timedelta(seconds=LEASE_SECONDS)})
            if row is None:
                return None
            claimed = Simulation.objects.select_related("campaign").get(pk=row["id"])
            if row["attempts"] <= MOST_ATTEMPTS:
                return claimed
            fail_simulation(claimed=claimed, reason="worker_lost", now=now)


def renew_simulation(*, claimed: Simulation, progress: tuple[int, int], now: datetime) -> bool:
    """Say that the worker is alive and how far it is; False when the simulation is no longer its own."""
    until = now + timedelta(seconds=LEASE_SECONDS)
    given = {"id": claimed.pk, "lease": claimed.lease_expires_at, "until": until, "progress": json.dumps(progress)}
    if run(_RENEW, given) != 1:
        return False
    claimed.lease_expires_at = until
    return True


def finish_simulation(*, claimed: Simulation, report: Mapping[str, Any], now: datetime) -> bool:
    """Store the report; False when the simulation is no longer this worker's."""
    return _end(claimed, SimulationState.DONE, json.dumps(report, allow_nan=False), "", now)


def fail_simulation(*, claimed: Simulation, reason: str, now: datetime) -> bool:
    """Say why there is no report: a word of `queries.simulations.tell_failure`."""
    return _end(claimed, SimulationState.FAILED, None, reason, now)


def _end(claimed: Simulation, state: SimulationState, report: str | None, reason: str, now: datetime) -> bool:
    given = {"id": claimed.pk, "lease": claimed.lease_expires_at, "state": state, "report": report}
    return run(_END, {**given, "reason": reason, "now": now}) == 1


def _check_orders(campaign: Campaign) -> None:
    if grows_from_nothing(parameters=campaign.parameters, kinds=campaign.kinds):
        return
    if not count_orders(campaign_id=campaign.pk, most=1):
        raise Conflict(
            _("There is nothing to put in order here: no prompt has two candidates. Bring some in first."),
            code="nothing_to_rank",
        )


def _check_room(campaign: Campaign, *, person: int | None) -> None:
    waiting = Simulation.objects.filter(state__in=WAITING)
    if waiting.filter(campaign=campaign).count() >= MOST_OF_ONE:
        raise Conflict(
            _("Other simulations are still waiting. Wait until one is done, or stop one, then try again."),
            code="too_many_simulations",
        )
    if person is not None and waiting.filter(requested_by_id=person).count() >= MOST_OF_PERSON:
        raise Conflict(
            _(
                "Simulations of yours in other campaigns are still waiting. Wait until one is done, or stop one, then try again."
            ),
            code="too_many_simulations",
        )
