"""A growing campaign compared: volunteers of each run are shared, figures have intervals, and the page tells all of it."""

from __future__ import annotations

import json
import re
from typing import Any

from tasks.records.growing_simulations import GrowingCampaign
from tasks.records.simulations import Arm, SimulationPlan
from tasks.scheduling.simulation.growing import GrowingRun, compare_growing, find_minutes, settle
from tasks.scheduling.simulation.growing_page import write_growing_page
from tasks.vocabulary import Kind
from tests.pure.simulated import make_past

PLAN = SimulationPlan((Arm("coverage"), Arm("uniform", {"redundancy": 5})), annotators=8, days=3, runs=3)
CAMPAIGN = GrowingCampaign("<b>Grove</b>", ("en", "de"), {"grow_trees": True, "rival_policy": "uniform"})


class Told:
    """Runs nothing: figures that differ by run and way, and what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[GrowingRun, dict[str, Any]]] = []

    def __call__(self, campaign, run, parameters, alive) -> dict[str, Any]:
        self.asked.append((run, dict(parameters)))
        number, is_second = run.seed, parameters["policy"] == "uniform"
        alive()
        curve = [
            {"judgments": mark, "day": 0.1, "coverage": min(1.0, mark / 900), "covered": 0.3, "smallest": 0.1,
             "trees": mark / 10, "messages": mark / 2 + is_second}
            for mark in (0, 200, 400 + number % 10)
        ]  # fmt: skip
        names = (
            "judgments", "hours", "begun", "low_grade", "rejected", "longest_wait", "usual_wait", "sameness", "found_nothing",
            "stuck",
        )  # fmt: skip
        return {
            "curve": curve,
            "end": {name: float(number % 10 + is_second) / 20 for name in names}
            | {"judgments": 400, "longest_wait": None},
            "kinds": {"label": 30 + number, "write_prompt": 4} | ({"rank": 2} if is_second else {}),
            "minutes": {"label": 12.0},
            "states": {"done": 3},
            "tally": {"claims": 410, "submitted": 400},
            "refused": {},
        }


def compare(campaign: GrowingCampaign = CAMPAIGN) -> tuple[dict[str, Any], Told]:
    told = Told()
    report = compare_growing(campaign, PLAN, clock=lambda: 0.0, progress=lambda *_: None, run_way=told)
    return report, told


def test_all_ways_of_a_run_meet_the_same_volunteers_and_each_run_has_its_own() -> None:
    _, told = compare()
    runs = [run for run, _ in told.asked]
    assert [run is other for run, other in zip(runs[::2], runs[1::2], strict=True)] == [True, True, True]
    assert len({run.seed for run in runs}) == 3
    assert runs[0].sessions.total != runs[2].sessions.total
    assert runs[0].marks[0] == 0
    assert runs[0].marks[-1] == runs[0].sessions.total


def test_each_way_has_its_policy_and_parameters_over_what_holds() -> None:
    _, told = compare()
    assert told.asked[1][1] == {"grow_trees": True, "rival_policy": None, "policy": "uniform", "redundancy": 5}
    assert settle({"redundancy": 3}, Arm("coverage"))["redundancy"] == 3


def test_figures_have_intervals_and_differences_to_the_first_way() -> None:
    report, _ = compare()
    first, second = report["arms"]
    assert first["kinds"]["label"]["mean"] == 1031.0
    assert first["kinds"]["label"]["low"] < 1031 < first["kinds"]["label"]["high"]
    assert "rank" not in first["kinds"]
    assert second["against_first"]["messages"] == {"mean": 1.0, "low": 1.0, "high": 1.0, "n": 3}
    assert first["against_first"] is None
    assert first["end"]["longest_wait"]["mean"] is None
    assert report["reached"][0]["arms"][1]["ratio"]["mean"] == 1.0
    assert report["judgments"] == 2400
    json.dumps(report, allow_nan=False)


def test_minutes_and_people_are_of_the_past_where_it_tells_and_are_told_so() -> None:
    campaign = GrowingCampaign("Grove", ("en", "de"), past=make_past(), minutes={"label": 0.4})
    assert find_minutes(campaign)[Kind.LABEL] == 0.4
    assert find_minutes(campaign)[Kind.WRITE_PROMPT] == 3.0
    report, told = compare(campaign)
    assert report["minutes"]["label"] == {"minutes": 0.4, "is_fitted": True}
    assert not report["minutes"]["write_prompt"]["is_fitted"]
    assert {"languages", "hours", "spam"} <= set(report["volunteers"]["fitted"])
    assert told.asked[0][0].minutes[Kind.LABEL] == 0.4


def test_the_page_tells_figures_assumptions_and_what_is_left_out_and_fetches_nothing() -> None:
    report, _ = compare()
    page = write_growing_page(report)
    assert "&lt;b&gt;Grove" in page
    assert "<b>Grove" not in page
    assert page.count("<polyline") == 5 * 2
    for words in ("Reviews", "Prompts written", "Trees done", "It begins with nothing", "nothing is gold", "assumed"):
        assert words in page
    assert not re.search(r"<script|https?://|url\(|@import|\son\w+=", page)


def test_a_growing_campaign_survives_the_way_to_another_process() -> None:
    campaign = GrowingCampaign(
        "Grove", ("en",), {"redundancy": 3}, {"kinds": ["label"]}, ({"language": "en", "topic": "birds"},), make_past(2),
        {"label": 0.5},
    )  # fmt: skip
    assert GrowingCampaign.from_json(json.loads(json.dumps(campaign.as_json()))) == campaign
