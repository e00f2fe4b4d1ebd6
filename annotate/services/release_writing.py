"""Write the files of a frozen release, tree by tree, and count on the way what its card tells."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from annotate.models import AgreementReport, Brief, Campaign, Release, Stratum
from annotate.queries.release_content import (
    count_items,
    iterate_orders_of_prompts,
    iterate_trees,
    iterate_withdrawn,
)
from annotate.queries.rows import Row
from annotate.services.release_coverage import describe_coverage, read_coverage
from annotate.services.release_freezing import TOMBSTONE
from annotate.services.release_generators import count_texts, read_generators
from annotate.services.release_parts import Found
from annotate.services.release_records import Assembly, is_writing
from tasks.records.ballots import Ballot
from tasks.records.quality import AgreementRecord, ConsensusRecord
from tasks.records.released_generators import ReleasedGenerator
from tasks.records.releases import (
    AgreementLine,
    PairSubject,
    PreferencePair,
    ReleaseCard,
    ReleasedBallot,
    ReleasedBrief,
    ReleasedLabelSet,
    ReleasedTree,
    ReleaseManifest,
    StratumLine,
    WithdrawnObject,
    WrittenFile,
)
from tasks.vocabulary import Coefficient, Kind, MessageRole, Metric, Outcome, PersonalDataKind, ReleaseTable

SOFTWARE = "chorus 0.1.0"
#: What a release counts, in this order.
COUNTED = (
    "ballots",
    "label_sets",
    "texts_written",
    "cannot_tell",
    "skipped",
    "surplus",
    "trees",
    "messages",
    "preference_pairs",
)
#: Tables with words of people.
SCANNED = tuple(table for table in ReleaseTable if table is not ReleaseTable.GENERATORS)
#: Counted where terms of models limit the release.
LEFT_OUT = "left_out_by_terms"
GOLD = "left_out_as_gold"
#: Tables whose texts stand nowhere else; pairs repeat those of the trees.
OWN_TEXTS = (ReleaseTable.BALLOTS, ReleaseTable.LABELS, ReleaseTable.TREES)


class ReleaseFiles(Protocol):
    """Where a release is written: `tasks.formats.release_folder.ReleaseFolder` has this shape."""

    files: tuple[WrittenFile, ...]

    def name(self, kind: str, identity: int | str) -> str: ...
    def write_ballot(self, ballot: ReleasedBallot) -> None: ...
    def write_labels(self, labels: ReleasedLabelSet) -> None: ...
    def write_tree(self, tree: ReleasedTree) -> None: ...
    def write_generator(self, generator: ReleasedGenerator) -> None: ...
    def write_pairs(
        self, *, consensus: ConsensusRecord, subject: PairSubject, ballots: Sequence[Ballot]
    ) -> list[PreferencePair]: ...
    def finish(self, card: ReleaseCard, *, withdrawn: Iterator[WithdrawnObject]) -> bytes: ...


@dataclass(frozen=True, slots=True)
class ReleaseTools:
    """What a builder brings from the worker's side.

    open_folder  opens the files of a release in a new folder: (path, salt)
    make_name    the id of an object in a release: (kind, identity, salt)
    combine      the consensus of every parent that has a ballot
    """

    open_folder: Callable[[Path, bytes], AbstractContextManager[ReleaseFiles]]
    make_name: Callable[[str, int | str, bytes], str]
    combine: Callable[[Sequence[Ballot]], list[ConsensusRecord]]


@dataclass(frozen=True, slots=True)
class Written:
    """A release on disk, not sealed yet. `personal_data`: spans by table and kind."""

    files: tuple[WrittenFile, ...]
    manifest: Mapping[str, Any]
    counts: Mapping[str, int]
    personal_data: Mapping[str, Mapping[str, int]]


def write_release(*, release: Release, folder: Path, tools: ReleaseTools, beat: Callable[[], object]) -> Written:
    """Write the files of a frozen release into a new folder. `beat` is called as the work goes on."""
    salt, tally = bytes(release.pseudonym_salt), _Tally()
    briefs, generators = _read_briefs(release), read_generators((release.manifest or {})["frozen"])
    with tools.open_folder(folder, salt) as files:
        for batch in iterate_trees(release_id=release.pk):
            beat()
            _write_batch(Assembly(batch, files.name, briefs, generators), files=files, tools=tools, tally=tally)
        for batch in iterate_orders_of_prompts(release_id=release.pk):
            beat()
            assembly = Assembly(batch, files.name, briefs)
            _write_ballots(assembly, files=files, tally=tally)
            _count_texts(assembly, tally)
        beat()
        models = count_texts(generators, tally.texts_by, replies=tally.replies)
        for model in models:
            files.write_generator(model)
        withdrawn = list(_list_withdrawn(release, tools.make_name))
        card = _make_card(release, tally, models, withdrawn=len(withdrawn))
        manifest = files.finish(card, withdrawn=iter(withdrawn))
    return Written(files.files, json.loads(manifest), card.manifest.counts, tally.as_personal_data())


@dataclass(slots=True)
class _Tally:
    """What is counted while the files are written."""

    counts: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    annotators: set[str] = field(default_factory=set)
    texts_by: Counter[int] = field(default_factory=Counter)
    replies: int = 0
    guidelines: set[int] = field(default_factory=set)
    terms: set[str] = field(default_factory=set)
    methods: dict[str, str] = field(default_factory=dict)
    found: dict[ReleaseTable, Found] = field(default_factory=lambda: {table: Counter() for table in SCANNED})
    first_at: datetime | None = None
    last_at: datetime | None = None

    def add_given(self, record: ReleasedBallot | ReleasedLabelSet, *, judged_as: str) -> None:
        self.annotators.add(record.annotator_id)
        self.counts[judged_as if record.outcome is Outcome.JUDGED else str(record.outcome)] += 1
        if record.outcome is not Outcome.JUDGED:
            return
        self.counts["surplus"] += not record.counted
        self.languages[record.language] += 1
        if record.guideline_version is not None:
            self.guidelines.add(record.guideline_version)
        self.first_at = min(self.first_at or record.created_at, record.created_at)
        self.last_at = max(self.last_at or record.created_at, record.created_at)

    def as_personal_data(self) -> dict[str, dict[str, int]]:
        return {
            str(table): {str(kind): found[kind] for kind in PersonalDataKind} for table, found in self.found.items()
        }


def _write_ballots(assembly: Assembly, *, files: ReleaseFiles, tally: _Tally) -> None:
    for ballot in assembly.make_ballots():
        files.write_ballot(ballot)
        tally.add_given(ballot, judged_as="ballots")


def _write_batch(assembly: Assembly, *, files: ReleaseFiles, tools: ReleaseTools, tally: _Tally) -> None:
    _write_ballots(assembly, files=files, tally=tally)
    for labels in assembly.make_label_sets():
        files.write_labels(labels)
        tally.add_given(labels, judged_as="label_sets")
    standing = assembly.list_standing_ballots()
    consensus = {record.parent: record for record in tools.combine(standing)}
    for tree in assembly.make_trees(consensus):
        files.write_tree(tree)
        tally.counts["trees"] += 1
    for parent, record in sorted(consensus.items(), key=lambda pair: (assembly.messages[pair[0]]["tree"], pair[0])):
        tally.methods[record.method] = record.method_version
        subject = assembly.make_pair_subject(parent)
        of_parent = [ballot for ballot in standing if ballot.parent == parent]
        pairs = files.write_pairs(consensus=record, subject=subject, ballots=of_parent)
        tally.counts["preference_pairs"] += len(pairs)
        ids = {candidate.message_id: message for message, candidate in subject.candidates.items()}
        for pair in pairs:
            if pair.personal_data:
                found = assembly.count_in_pair(parent, ids[pair.chosen.message_id], ids[pair.rejected.message_id])
                tally.found[ReleaseTable.PREFERENCE_PAIRS] += found
    _count_texts(assembly, tally)


def _count_texts(assembly: Assembly, tally: _Tally) -> None:
    for found in assembly.found.values():
        tally.found[ReleaseTable.TREES] += found
    for row, found in assembly.list_rationales():
        tally.found[_find_table(row)] += found
    for row in assembly.batch.judgments:
        tally.terms.add(row["terms_version"])
        tally.counts["texts_written"] += 0 if row["message"] is None else 2 if row["kind"] == Kind.WRITE_PAIR else 1
        tally.annotators.add(assembly.name("annotator", str(row["annotator"])))
    tally.counts["messages"] += len(assembly.messages)
    tally.replies += sum(row["role"] == MessageRole.ASSISTANT for row in assembly.batch.messages)
    tally.texts_by.update(
        generator
        for _, generator in {(row["message"], row["generator_id"]) for row in assembly.batch.origins}
        if generator is not None
    )


def _find_table(row: Row) -> ReleaseTable:
    """Where the words that somebody gave with a judgment stand."""
    if row["kind"] == Kind.LABEL:
        return ReleaseTable.LABELS
    return ReleaseTable.TREES if "terms_version" in row and is_writing(row) else ReleaseTable.BALLOTS


def _read_briefs(release: Release) -> dict[int, ReleasedBrief]:
    """What writers of prompts were asked for, as it was when the release was frozen."""
    frozen = (release.manifest or {})["frozen"].get("briefs", {})
    return {int(brief): ReleasedBrief(*(value or None for value in values)) for brief, values in frozen.items()}


def _list_withdrawn(release: Release, make_name: Callable[[str, int | str, bytes], str]) -> Iterator[WithdrawnObject]:
    for row in iterate_withdrawn(release_id=release.pk):
        name = make_name(row["kind"], row["object_id"], bytes(row["salt"]))
        yield WithdrawnObject(row["kind"], row["number"], name, row["created_at"])


def describe_campaign(campaign: Campaign, *, now: datetime) -> dict[str, Any]:
    """What the card says of the campaign, as plain JSON."""
    whole = AgreementReport.objects.filter(campaign=campaign, stratum=None, month=None)
    reports = whole.order_by("kind", "language", "dimension", "coefficient")
    strata = Stratum.objects.filter(campaign=campaign).order_by("language", "topic")
    briefs = Brief.objects.filter(campaign=campaign).order_by("pk")
    return {
        "title": campaign.title,
        "purpose": campaign.purpose,
        "kinds": list(campaign.kinds),
        "agreement": [
            {"kind": report.kind, "language": report.language, "dimension": report.dimension, "result": report.result}
            for report in reports
        ],
        "strata": [list(row) for row in strata.values_list("language", "topic", "done", "target")],
        "coverage": describe_coverage(campaign_id=campaign.pk, now=now),
        "briefs": {str(pk): words for pk, *words in briefs.values_list("pk", "topic", "difficulty", "words")},
    }


def _make_card(
    release: Release, tally: _Tally, models: tuple[ReleasedGenerator, ...], *, withdrawn: int
) -> ReleaseCard:
    frozen = (release.manifest or {})["frozen"]
    assert release.frozen_at is not None
    own = sum((tally.found[table] for table in OWN_TEXTS), Found())
    manifest = ReleaseManifest(
        number=release.number,
        campaign=release.campaign.slug,
        title=frozen["title"],
        licence=release.licence,
        frozen_at=release.frozen_at,
        filters=release.filters,
        counts={name: tally.counts[name] for name in COUNTED}
        | {"annotators": len(tally.annotators)}
        | ({} if frozen.get("left_out") is None else {LEFT_OUT: frozen["left_out"]})
        | ({GOLD: frozen["gold"]} if frozen.get("gold") else {}),
        personal_data={kind: own[kind] for kind in PersonalDataKind},
        personal_data_by_table={
            table: {kind: found[kind] for kind in PersonalDataKind} for table, found in tally.found.items()
        },
        methods=tally.methods,
        files=(),
        software=SOFTWARE,
    )
    return ReleaseCard(
        manifest=manifest,
        purpose=frozen["purpose"],
        languages=tally.languages,
        kinds=tuple(Kind(kind) for kind in frozen["kinds"]),
        annotators=len(tally.annotators),
        first_at=tally.first_at,
        last_at=tally.last_at,
        generators=models,
        left_out=frozen.get("left_out"),
        gold=frozen.get("gold", 0),
        guideline_versions=tuple(sorted(tally.guidelines)),
        terms_versions=tuple(sorted(tally.terms)),
        agreement=tuple(_read_line(line) for line in frozen["agreement"]),
        strata=tuple(
            StratumLine(language, topic or None, done, target) for language, topic, done, target in frozen["strata"]
        ),
        coverage=read_coverage(frozen.get("coverage", ())),
        withdrawn=count_items(release_id=release.pk, kind=TOMBSTONE),
    )


def _read_line(line: Mapping[str, Any]) -> AgreementLine:
    stored = dict(line["result"])
    metric = stored.pop("metric")
    record = AgreementRecord(
        coefficient=Coefficient(stored.pop("coefficient")), metric=None if metric is None else Metric(metric), **stored
    )
    return AgreementLine(Kind(line["kind"]), line["language"], line["dimension"], record)
