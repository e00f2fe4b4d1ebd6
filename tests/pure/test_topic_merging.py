"""Clusters that are one topic are joined; different ones stay apart, and never fewer than half of the topics wanted are left."""

import numpy as np

from tasks.scheduling.topic_merging import join_clusters


def make_sample(*, topics: int, pieces: int, each: int, seed: int):
    """Unit vectors around far directions, each topic cut into pieces at random as k-means does."""
    rng = np.random.default_rng(seed)
    centers = np.eye(topics, 32)
    topic = np.repeat(np.arange(topics), pieces * each)
    vectors = centers[topic] + 0.08 * rng.standard_normal((len(topic), 32))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = topic * pieces + rng.integers(0, pieces, len(topic))
    return vectors.astype(np.float32), np.unique(rows, return_inverse=True)[1].astype(np.int64), topic


def test_pieces_of_a_topic_are_joined_and_topics_stay_apart():
    vectors, rows, topic = make_sample(topics=6, pieces=3, each=30, seed=1)
    joined = join_clusters(vectors, rows, count=6)[rows]
    assert len(set(zip(joined.tolist(), topic.tolist(), strict=True))) == 6


def test_joining_goes_on_below_the_number_wanted_where_two_are_clearly_one():
    vectors, rows, topic = make_sample(topics=6, pieces=2, each=40, seed=2)
    joined = join_clusters(vectors, rows, count=9)[rows]
    assert len(set(zip(joined.tolist(), topic.tolist(), strict=True))) == 6
    assert len(set(joined.tolist())) == 6


def test_what_lies_apart_is_joined_only_down_to_the_number_wanted():
    vectors, rows, _ = make_sample(topics=8, pieces=1, each=20, seed=3)
    assert len(set(join_clusters(vectors, rows, count=5).tolist())) == 5


def test_no_fewer_than_half_of_the_topics_wanted_are_left():
    rng = np.random.default_rng(4)
    vectors = 1 + 0.01 * rng.standard_normal((200, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = np.arange(200, dtype=np.int64) % 20
    joined = join_clusters(vectors.astype(np.float32), rows, count=8)
    assert sorted(set(joined.tolist())) == [0, 1, 2, 3]
