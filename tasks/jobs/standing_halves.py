"""The two halves of a campaign that compares policies, measured from its prompts and its rankings."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from annotate.models import Campaign
from annotate.queries.half_facts import list_arm_prompts, list_ranked_units
from annotate.queries.judgments import load_rankings
from annotate.queries.planning import count_cells
from annotate.queries.rows import Row
from tasks.agreement.concordance import measure_ranking_agreement
from tasks.agreement.dice import throw_dice
from tasks.jobs.planning import Ground
from tasks.records.parameters import read_settings
from tasks.scheduling.gains import count_wanted
from tasks.scheduling.halves import ArmPrompts, compare_arms
from tasks.scheduling.split import POLICY_ARM, RIVAL_ARM, arm_of
from tasks.vocabulary import Coefficient

SEED = 20_260


def measure_arms(campaign: Campaign) -> dict[str, Any] | None:
    """Both halves with their policies, and the difference; None where a campaign follows one policy, or has no cells yet."""
    settings = read_settings(campaign.parameters)
    rows = list_arm_prompts(campaign_id=campaign.pk) if settings.rival_policy else []
    if settings.rival_policy is None or not rows:
        return None
    ground = Ground(settings, count_cells(campaign_id=campaign.pk), (), {})
    prompts = gather_prompts([row for row in rows if row["cell"] in ground.places], ground.places)
    wanted = count_wanted(ground.cells)
    found = compare_arms(prompts, share=ground.cells.share, wanted=wanted, dice=throw_dice(SEED, len(rows)))
    agreement = measure_agreement(campaign.pk)
    names = (settings.policy, settings.rival_policy)
    arms = [
        {"policy": str(name), **arm, "agreement": agreement[place]}
        for place, (name, arm) in enumerate(zip(names, found["arms"], strict=True))
    ]
    return {**found, "arms": arms, "seed": SEED}


def gather_prompts(rows: Sequence[Row], places: Mapping[int, int]) -> ArmPrompts:
    """The prompts in columns."""
    unknown = float("nan")
    return ArmPrompts(
        arm=np.array([arm_of(row["tree"]) for row in rows], dtype=np.int64),
        cell=np.array([places[row["cell"]] for row in rows], dtype=np.int64),
        finished=np.array([row["finished"] for row in rows], dtype=np.float64),
        certainty=np.array(
            [unknown if row["certainty"] is None else row["certainty"] for row in rows], dtype=np.float64
        ),
        judgments=np.array([row["judgments"] for row in rows], dtype=np.float64),
    )


def measure_agreement(campaign_id: int) -> list[dict[str, Any]]:
    """How much people agree on which of two is better, in each half: value, interval, and of how many prompts."""
    units = list_ranked_units(campaign_id=campaign_id)
    told = []
    for arm in (POLICY_ARM, RIVAL_ARM):
        ballots = load_rankings(unit_ids=sorted(row["unit"] for row in units if arm_of(row["tree"]) == arm))
        records = {record.coefficient: record for record in measure_ranking_agreement(ballots, seed=SEED)}
        alpha = records[Coefficient.PAIRWISE_ALPHA]
        told.append({"value": alpha.value, "low": alpha.low, "high": alpha.high, "n": alpha.n_units})
    return told
