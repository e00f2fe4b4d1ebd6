"""What enters a release, what its files say, and that it is built once, whole and for good."""

from __future__ import annotations

import hashlib

import pandas as pd
import pytest

from annotate.models import Judgment, Release, ReleaseFile
from annotate.services.release_building import find_folder
from tests.loop import NOW
from tests.releases import NAMES, build, make_given, read_lines

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def release_dir(settings, tmp_path):
    settings.RELEASE_DIR = tmp_path / "releases"
    return settings.RELEASE_DIR


def test_a_release_has_every_file_with_its_checksum():
    campaign, _ = make_given("ada", "bob", "cy", prompts=2)
    release = build(campaign)
    assert (release.state, release.number, release.sealed_at, release.lease_token) == ("sealed", 1, NOW, None)
    files = {file.name: file for file in release.files.all()}
    assert sorted(files) == NAMES == sorted(path.name for path in find_folder(release).iterdir())
    for name, file in files.items():
        content = (find_folder(release) / name).read_bytes()
        assert (file.sha256, file.bytes) == (hashlib.sha256(content).hexdigest(), len(content))
        assert file.path == f"birds/1/{name}"
    assert release.counts == {
        "ballots": 6, "label_sets": 0, "texts_written": 0, "cannot_tell": 0, "skipped": 0, "surplus": 0, "trees": 2,
        "messages": 10, "preference_pairs": release.counts["preference_pairs"], "annotators": 3,
    }  # fmt: skip
    assert Judgment.objects.count() == files["ballots.parquet"].rows == files["ballots.jsonl.gz"].rows == 6
    assert len(pd.read_parquet(find_folder(release) / "preference_pairs.parquet")) == release.counts["preference_pairs"]
    assert read_lines(release, "withdrawn.jsonl") == []
    assert ReleaseFile.objects.count() == len(NAMES)
    assert Release.objects.count() == 1
