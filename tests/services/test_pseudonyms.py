"""Nobody who reads releases, pages or the API can tell that two campaigns have work by the same person."""

from __future__ import annotations

import gzip
import json

import pytest

from annotate.models import Message, MessageTree
from annotate.queries.message_lists import list_recent
from annotate.services.release_building import find_folder
from tests.loop import make_annotator, make_campaign
from tests.releases import build, make_given, rank_all
from tests.trees import make_tree, read, reader, reply_to

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def release_dir(settings, tmp_path):
    settings.RELEASE_DIR = tmp_path / "releases"


def read_all(release):
    """Every readable file of a release as text."""
    files = [path for path in find_folder(release).rglob("*") if path.is_file()]
    texts = {path.name: path.read_text() for path in files if path.suffix in (".json", ".md", ".jsonl")}
    return texts | {
        path.name: gzip.decompress(path.read_bytes()).decode() for path in files if path.name.endswith(".jsonl.gz")
    }


def names_of(release):
    rows = [json.loads(line) for line in read_all(release)["ballots.jsonl.gz"].splitlines()]
    return {row["annotator_id"] for row in rows}


def test_one_person_has_unrelated_names_in_two_campaigns_and_in_two_releases_of_one():
    birds, people = make_given("ada", "bob", slug="birds")
    bees, _ = make_given(slug="bees", prompts=2)
    for person in people:
        rank_all(person, bees)
    first, other = build(birds), build(bees)
    rank_all(people[0], birds)
    found = [names_of(first), names_of(other)]
    assert [len(names) for names in found] == [2, 2]
    assert not found[0] & found[1]
    assert bytes(first.pseudonym_salt) != bytes(other.pseudonym_salt)
    secrets = {str(value) for person in people for value in (person.pseudonym_seed, person.user.email)}
    secrets |= {bytes(release.pseudonym_salt).hex() for release in (first, other)}
    for text in [*read_all(first).values(), *read_all(other).values()]:
        assert not [secret for secret in secrets if secret in text]


def test_whoever_reads_two_campaigns_is_told_of_no_author_who_they_are():
    author, eve = make_annotator("zebulon"), make_annotator("eve")
    author.user.display_name = "Zebulon"
    author.user.save()
    for slug in ("birds", "bees"):
        prompt = make_tree(make_campaign(slug=slug, kinds=("label",)), f"What do {slug} eat?")
        reply_to(prompt, f"What {slug} find.", author=author)
        Message.objects.filter(pk=prompt.pk).update(author=author)
    MessageTree.objects.update(state="done")
    for person in (eve, None):
        told = [str(read(tree, person)) for tree in MessageTree.objects.all()]
        told.append(str(list_recent(reader=reader(person), limit=99)))
        for text in told:
            assert "Zebulon" not in text
            assert str(author.pseudonym_seed) not in text
            assert f"annotator_id={author.pk}" not in text
            assert "zebulon@" not in text
