"""Topics: found, numbered for good, laid out on a plane that does not turn."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from tasks.records.topics import KnownTopic
from tasks.scheduling.topics import center, find_clusters, measure_drift, normalise, suggest_topics
from tasks.scheduling.topics_fit import Prompts, fit_topics, place_by_fit
from tasks.scheduling.topics_plane import lay_out, measure_nearness
from tasks.scheduling.topics_terms import find_terms, name_topic


def make_vectors(*, kinds=5, each=40, seed=0, spread=0.35):
    """Vectors about `kinds` middles, and which each is about."""
    rng = np.random.default_rng(seed)
    middles = np.random.default_rng(99).normal(size=(kinds, 32))
    of = np.repeat(np.arange(kinds), each)
    return normalise((middles[of] + spread * rng.normal(size=(len(of), 32))).astype(np.float32)), of


def fit(vectors, *, known=(), before=None, places=None, wanted=5, is_same_space=True, seed=1):
    count = len(vectors)
    texts = [f"prompt {place}" for place in range(count)]
    prompts = Prompts(vectors, ["en"] * count, texts, before or [None] * count)
    return fit_topics(
        prompts, wanted=wanted, known=list(known), places=places or {}, is_same_space=is_same_space, seed=seed
    )


def as_known(found):
    return [KnownTopic(topic.number, topic.centroid) for topic in found.topics]


def groups(of, places):
    """The topic that most prompts of each kind are in, all of them where the kinds were found."""
    return {
        int(kind): {place.topic for place, k in zip(places, of, strict=True) if k == kind} for kind in set(of.tolist())
    }


@pytest.mark.parametrize(("prompts", "topics"), [(50, 5), (1_000, 16), (10_000, 40), (100_000, 100), (10**7, 150)])
def test_how_many_topics_are_suggested(prompts, topics):
    assert suggest_topics(prompts) == topics


def test_kinds_are_found_and_the_same_seed_finds_the_same():
    vectors, of = make_vectors()
    found, places, pairs = fit(vectors)
    assert all(len(topics) == 1 for topics in groups(of, places).values())
    assert sorted(topic.number for topic in found.topics) == [1, 2, 3, 4, 5]
    assert found.drift is None
    again = fit(vectors)
    assert (again[0].as_result(), again[1], again[2]) == (found.as_result(), places, pairs)


def test_numbers_stay_as_prompts_of_an_old_and_of_a_new_kind_are_added():
    vectors, of = make_vectors()
    found, places, _ = fit(vectors)
    more, of_more = make_vectors(kinds=6, seed=3)
    both = np.concatenate([vectors, more])
    before = [place.topic for place in places] + [None] * len(more)
    at = {topic.number: (topic.x, topic.y) for topic in found.topics}
    second, placed, _ = fit(both, known=as_known(found), before=before, places=at, wanted=6)
    assert second.drift == 0
    assert [topic.number for topic in second.topics if topic.is_new] == [6]
    assert groups(of, placed[: len(vectors)]) == groups(of, places)
    assert groups(of_more, placed[len(vectors) :])[5] == {6}


def test_an_embedder_of_another_space_keeps_the_numbers_by_what_prompts_were_in():
    vectors, of = make_vectors()
    found, places, _ = fit(vectors)
    turned = vectors @ np.linalg.qr(np.random.default_rng(5).normal(size=(32, 32)))[0].astype(np.float32)
    second, placed, _ = fit(
        turned, known=as_known(found), before=[place.topic for place in places], is_same_space=False
    )
    assert groups(of, placed) == groups(of, places)
    assert second.drift == 0


def test_a_retired_topic_is_not_found_again_and_a_merged_one_counts_for_its_taker():
    vectors, of = make_vectors()
    found, places, _ = fit(vectors)
    kinds = groups(of, places)
    retired, merged, taker = (next(iter(kinds[kind])) for kind in (0, 1, 2))
    known = [
        KnownTopic(
            topic.number, topic.centroid, merged_into=taker if topic.number == merged else None,
            is_retired=topic.number == retired,
        )
        for topic in found.topics
    ]  # fmt: skip
    second, placed, _ = fit(vectors, known=known, before=[place.topic for place in places], wanted=5)
    numbers = {topic.number for topic in second.topics}
    assert not numbers & {retired, merged}
    assert groups(of, placed)[1] == groups(of, placed)[2] == {taker}


def test_a_further_prompt_is_placed_where_a_fit_would_have_placed_it():
    vectors, of = make_vectors()
    found, places, _ = fit(vectors)
    further, of_further = make_vectors(each=4, seed=8)
    centred, _ = center(vectors, ["en"] * len(vectors), found.as_result()["means"])
    placed = place_by_fit(
        further,
        ["en"] * len(further),
        topics={topic.number: topic.centroid for topic in found.topics},
        result=found.as_result(),
        into={},
        sample=centred,
    )
    assert groups(of_further, placed) == groups(of, places)
    assert all(-1 <= place.x <= 1 and -1 <= place.y <= 1 and 0 <= place.density <= 4 for place in placed)


def test_the_plane_is_not_turned_when_topics_move_a_little():
    middles = normalise(np.random.default_rng(1).normal(size=(12, 32)).astype(np.float32))
    first = lay_out(middles, begun={})
    moved = normalise(middles + 0.03 * np.random.default_rng(2).normal(size=(12, 32)).astype(np.float32))
    second = lay_out(moved, begun=dict(enumerate(first.tolist())))
    # One that lies between others may go round them; the rest stays.
    assert np.median(np.abs(first - second)) < 0.05
    assert np.abs(first - second).max() < 0.5
    assert np.abs(first).max() <= 1


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_topics_have_places_too(count):
    points = lay_out(normalise(np.eye(count, 8, dtype=np.float32)), begun={})
    assert points.shape == (count, 2)
    assert np.isfinite(points).all()


def test_what_languages_have_in_common_is_taken_away():
    vectors, of = make_vectors(kinds=3, each=60)
    languages = ["en", "de"] * 90
    shifted = normalise(vectors + 2.0 * np.where(np.array(languages) == "en", 1.0, -1.0)[:, None].astype(np.float32))
    prompts = Prompts(shifted, languages, ["x"] * 180, [None] * 180)
    _, places, _ = fit_topics(prompts, wanted=3, known=[], places={}, is_same_space=False, seed=1)
    assert all(len(topics) == 1 for topics in groups(of, places).values())


def test_equal_prompts_and_empty_vectors_do_not_break_a_fit():
    same = np.tile(normalise(np.ones((1, 8), dtype=np.float32)), (60, 1))
    for vectors in (same, np.zeros((60, 8), dtype=np.float32)):
        found, places, _ = fit(vectors, wanted=4)
        assert len(places) == 60
        assert found.topics
    with pytest.raises(ValueError, match="Fewer than 50"):
        find_clusters(
            same[:49], count=2, known=[], before=[None] * 49, is_same_space=False, rng=np.random.default_rng(0)
        )


def test_nearly_the_same_prompts_are_told_nearest_first():
    vectors, _ = make_vectors()
    vectors[7] = vectors[3]
    _, _, pairs = fit(vectors)
    assert (pairs[0].one, pairs[0].other, round(pairs[0].nearness, 3)) == (3, 7, 1.0)
    assert [pair.nearness for pair in pairs] == sorted((pair.nearness for pair in pairs), reverse=True)


def test_density_is_nearness_to_others_and_not_to_itself():
    sample = normalise(np.eye(6, dtype=np.float32))
    assert measure_nearness(sample, sample) == pytest.approx(0)


def test_terms_are_what_a_topic_has_and_its_language_has_not():
    texts = ["please bake the bread", "please eat the bread", "please see the stars", "please see the moon and stars"]
    texts += ["bitte das brot", "bitte das brot backen"]
    languages = ["en"] * 4 + ["de"] * 2
    terms = find_terms(texts, languages, [0, 0, 1, 1, 2, 2], topics=3, rng=np.random.default_rng(0))
    assert (terms[0][0], set(terms[0])) == ("bread", {"bread", "bake", "eat"})
    assert set(terms[1][:2]) == {"see", "stars"}
    assert terms[2] == ()  # a topic that is all of its language has no word of its own
    assert (name_topic(terms[1], 4), name_topic((), 4)) == (", ".join(terms[1][:3]), "4")


def test_drift_is_of_those_that_had_a_topic():
    assert measure_drift([1, 2, None, 1], [1, 3, 5, 1]) == pytest.approx(1 / 3)
    assert measure_drift([None], [1]) is None


def test_vectors_are_centred_without_a_second_copy_of_all_of_them():
    stored = np.random.default_rng(1).standard_normal((60_000, 128)).astype(np.float16)
    languages = ["en"] * 40_000 + ["de"] * 20_000
    tracemalloc.start()
    centred, means = center(stored, languages)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.6 * centred.nbytes
    assert np.allclose(means["de"], stored[40_000:].astype(np.float64).mean(axis=0), atol=1e-4)
    assert np.allclose(np.linalg.norm(centred, axis=1), 1, atol=1e-5)
