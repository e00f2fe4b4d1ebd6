"""The card of a release: a README.md that Hugging Face reads (YAML in front) and people understand."""

import json
import re
from collections.abc import Iterable, Iterator

from tasks.formats.card_coverage import write_coverage
from tasks.formats.card_models import escape, write_models
from tasks.formats.rows import format_time
from tasks.formats.samples import sample_rows
from tasks.records.releases import AgreementLine, ReleaseCard, StratumLine, WrittenFile
from tasks.text.languages import base_language
from tasks.vocabulary import PersonalDataKind, ReleaseTable

CARD_NAME = "README.md"

#: Licences that the Hub knows, by their SPDX name; any other goes by name and link.
_HUB_LICENCES = {
    "CC0-1.0": "cc0-1.0",
    "CC-BY-4.0": "cc-by-4.0",
    "CC-BY-SA-4.0": "cc-by-sa-4.0",
    "CC-BY-NC-4.0": "cc-by-nc-4.0",
    "CC-BY-NC-SA-4.0": "cc-by-nc-sa-4.0",
    "ODC-By-1.0": "odc-by",
    "ODbL-1.0": "odbl",
    "PDDL-1.0": "pddl",
    "Apache-2.0": "apache-2.0",
    "MIT": "mit",
}
_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
)
#: What a loader gets when it names no configuration: the first of these that has rows.
_DEFAULT_ORDER = (
    ReleaseTable.PREFERENCE_PAIRS,
    ReleaseTable.BALLOTS,
    ReleaseTable.LABELS,
    ReleaseTable.TREES,
    ReleaseTable.GENERATORS,
)
_TABLES = {
    ReleaseTable.BALLOTS: "every ranking and comparison as it was given, one row each; an improvement puts the edit above its original",
    ReleaseTable.LABELS: "every label, one row for each dimension that was asked; `value` is null where it was not answered",
    ReleaseTable.TREES: "the message trees: nested in Open Assistant's format (JSONL), one message a row (Parquet)",
    ReleaseTable.PREFERENCE_PAIRS: "of two candidates the preferred one, in TRL's columns `prompt`, `chosen`, `rejected`",
    ReleaseTable.GENERATORS: "the models whose texts are in the trees, one row each: which model, made from what, under which licence and terms",
}
_PERSONAL_DATA = {
    PersonalDataKind.EMAIL: "e-mail addresses",
    PersonalDataKind.PHONE: "phone numbers",
    PersonalDataKind.CARD: "card numbers",
    PersonalDataKind.IBAN: "IBANs",
    PersonalDataKind.IP_ADDRESS: "public IP addresses",
    PersonalDataKind.SSN: "US social security numbers",
}
_LIMITS = """\
## Limits

- Volunteers are not a sample of any population; their views are their own.
- The scan for personal data finds no names and addresses, and misses what is written in words.
- A null is an answer that was not given; it is not zero. `cannot_tell` is an answer.
- Scores are comparable among the replies to one message only.
- Messages with `review_result` false were rejected by reviewers, as spam or in another language; they are kept and marked.
- Rows with `counted` false came in above what was asked for; they are as good as the others.
- Rows with `asked_at_random` true are of work drawn by lot from all that the person could have done. All other work was given by
  what was wanted most and whom it suited: where that might matter, compare it with these."""


def format_card(card: ReleaseCard) -> str:
    """Return the card as Markdown. Equal cards give equal text; what organizers wrote is escaped."""
    front = "\n".join(_format_yaml(_make_metadata(card)))
    sections = [
        _write_head(card),
        _write_files(card.manifest.files),
        _write_collection(card),
        write_models(card),
        _write_agreement(card.agreement),
        write_coverage(card.coverage),
        _write_strata(card.strata),
        _write_rights(card),
        _write_personal_data(card),
        _LIMITS,
    ]
    return f"---\n{front}\n---\n\n" + "\n\n".join(section for section in sections if section) + "\n"


def _make_metadata(card: ReleaseCard) -> dict[str, object]:
    """Return the fields that the Hub reads from the head of a card."""
    manifest = card.manifest
    hub_licence = _HUB_LICENCES.get(manifest.licence)
    codes = sorted(card.languages)
    bases = sorted({base_language(code) for code in codes})
    metadata: dict[str, object] = {"pretty_name": f"{manifest.title} · release {manifest.number}"}
    metadata["license"] = hub_licence or "other"
    if hub_licence is None:
        metadata["license_name"] = re.sub(r"[^a-z0-9.]+", "-", manifest.licence.lower()).strip("-") or "other"
    metadata["language"] = bases
    if any(code not in bases for code in codes):
        metadata["language_bcp47"] = codes
    metadata["multilinguality"] = ["multilingual" if len(bases) > 1 else "monolingual"]
    metadata["annotations_creators"] = ["crowdsourced"]
    metadata["size_categories"] = [_find_size(max((file.rows or 0 for file in manifest.files), default=0))]
    metadata["tags"] = ["human-feedback", "preference", "chorus"]
    metadata["configs"] = _list_configs(manifest.files)
    return {name: value for name, value in metadata.items() if value != []}


def _list_configs(files: Iterable[WrittenFile]) -> list[dict[str, object]]:
    """Name one configuration a table, of Parquet alone: a loader cannot mix formats in one repository."""
    parquet = {file.table: file for file in files if file.table is not None and file.name.endswith(".parquet")}
    tables = [table for table in _DEFAULT_ORDER if table in parquet and parquet[table].rows]
    return [
        {
            "config_name": str(table),
            "data_files": [{"split": "train", "path": parquet[table].name}],
            **({"default": True} if table is tables[0] else {}),
        }
        for table in tables
    ]


def _find_size(rows: int) -> str:
    return next((name for bound, name in _SIZES if rows < bound), "100M<n<1B")


def _format_yaml(value: object, indent: str = "") -> Iterator[str]:
    """Yield YAML lines of nested mappings and lists; scalars are written as JSON, which YAML contains."""
    if isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, dict | list) and item:
                yield f"{indent}{name}:"
                yield from _format_yaml(item, indent if isinstance(item, list) else indent + "  ")
            else:
                yield f"{indent}{name}: {_format_scalar(item)}"
    elif isinstance(value, list):
        for item in value:
            first, *rest = list(_format_yaml(item, indent + "  "))
            yield f"{indent}- {first.strip()}"
            yield from rest
    else:
        yield f"{indent}{_format_scalar(value)}"


def _format_scalar(value: object) -> str:
    """Write a scalar as JSON, with the line ends that YAML knows beside ours escaped."""
    written = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in written)


def _write_head(card: ReleaseCard) -> str:
    manifest = card.manifest
    lines = [f"# {escape(manifest.title)}, release {manifest.number}", ""]
    if card.purpose.strip():
        lines += [escape(card.purpose), ""]
    lines.append(
        f"Human feedback collected with Chorus in the campaign `{manifest.campaign}`, as it stood at "
        f"{format_time(manifest.frozen_at)}. This release does not change; the next one has the next number."
    )
    return "\n".join(lines)


def _write_files(files: Iterable[WrittenFile]) -> str:
    ordered = sorted((file for file in files if file.table is not None), key=lambda file: file.name)
    lines = ["## Files", "", "| file | rows | bytes | SHA-256 |", "|---|---|---|---|"]
    lines += [f"| `{file.name}` | {file.rows} | {file.bytes} | `{file.sha256}` |" for file in ordered]
    lines += ["", "Each table comes as JSONL and as Parquet. One line of each:"]
    for table in ReleaseTable:
        if any(file.table is table for file in ordered):
            lines += ["", f"**{table}**: {_TABLES[table]}.", "", "```json"]
            lines += [json.dumps(row, ensure_ascii=False) for row in sample_rows(table)]
            lines.append("```")
    lines += [
        "",
        "```python",
        "import pandas",
        'pandas.read_parquet("ballots.parquet")',
        'pandas.read_json("ballots.jsonl.gz", lines=True)',
        "```",
    ]
    return "\n".join(lines)


def _write_collection(card: ReleaseCard) -> str:
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(card.manifest.counts.items()))
    languages = ", ".join(f"{code} ({count})" for code, count in sorted(card.languages.items()))
    lines = [
        "## How it was collected",
        "",
        (
            f"Volunteers worked in Chorus on: {', '.join(card.kinds) or 'nothing yet'}"
            f"{_describe_period(card)}; people who contributed: {card.annotators}. Nobody could see who or what had written a candidate, or how others had judged it."
        ),
        "",
        f"- In this release: {counts or 'nothing'}.",
        f"- Judgments by language: {languages or 'none'}.",
    ]
    if card.guideline_versions:
        versions = ", ".join(str(version) for version in card.guideline_versions)
        lines.append(f"- Guideline versions in force: {versions}; each judgment names its own.")
    if card.gold:
        lines.append(
            f"- Mixed in were gold items, whose answers were known beforehand: {card.gold} judgments of them measured "
            "how reliable people are. They are not in these files, and nothing here was computed from them."
        )
    methods = ", ".join(f"{name} {version}" for name, version in sorted(card.manifest.methods.items()))
    lines.append(
        f"- Computed with: {methods or 'nothing'}. Filters: `{json.dumps(dict(card.manifest.filters), sort_keys=True)}`."
    )
    if card.manifest.methods:
        lines.append(
            "- Every ballot counts alike in the consensus, whoever gave it, also where the campaign's own pages weigh them by "
            "how reliable people were found: so it can be computed again from these files alone."
        )
    return "\n".join(lines)


def _describe_period(card: ReleaseCard) -> str:
    if card.first_at is None or card.last_at is None:
        return ""
    return f" between {format_time(card.first_at)[:10]} and {format_time(card.last_at)[:10]}"


def _write_agreement(lines: Iterable[AgreementLine]) -> str:
    table = [
        f"| {line.kind} | {line.language or 'all'} | {line.dimension or '–'} | {line.agreement.coefficient} "
        f"| {_number(line.agreement.value)} | {_interval(line)} | {line.agreement.n_units} | {line.agreement.n_judgments} |"
        for line in lines
    ]
    head = ["## Agreement", ""]
    if not table:
        return "\n".join([*head, "Not computed: too few judgments on the same pieces of work."])
    return "\n".join(
        [
            *head,
            (
                "Chance-corrected where the coefficient is; intervals are 95 % bootstrap intervals. Preferences have low "
                "agreement by nature, and disagreement is part of the data."
            ),
            "",
            "| work | language | dimension | coefficient | value | 95 % interval | units | judgments |",
            "|---|---|---|---|---|---|---|---|",
            *table,
        ]
    )


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.3f}"


def _interval(line: AgreementLine) -> str:
    low, high = line.agreement.low, line.agreement.high
    return "not enough data" if low is None or high is None else f"{low:.3f} to {high:.3f}"


def _write_strata(strata: tuple[StratumLine, ...]) -> str:
    if not strata:
        return ""
    lines = ["## Targets", "", "| language | topic | judgments | target |", "|---|---|---|---|"]
    lines += [
        f"| {line.language} | {escape(line.topic or 'any')} | {line.done} | {'–' if line.target is None else line.target} |"
        for line in strata
    ]
    return "\n".join(lines)


def _write_rights(card: ReleaseCard) -> str:
    terms = ", ".join(escape(version) for version in card.terms_versions) or "those of the campaign"
    return "\n".join(
        [
            "## Licence and consent",
            "",
            (
                f"Licence: {escape(card.manifest.licence)}. Contributors agreed, before their first judgment, to publication "
                f"under it (terms: {terms}). Imported texts were brought by the organizers of the campaign; texts by models may "
                "carry terms of their makers."
            ),
            "",
            (
                f"Withdrawn before this release, and not in it: {card.withdrawn}. People can take back what they gave; later "
                "releases leave it out, and whoever uses this one is asked to follow."
            ),
            "",
            "`annotator_id` is a pseudonym made for this release alone.",
        ]
    )


def _write_personal_data(card: ReleaseCard) -> str:
    found = card.manifest.personal_data
    lines = ["## Personal data", "", "Texts were scanned by patterns with checksums. Found, and left as they are:", ""]
    lines += [f"- {name}: {found[kind]}" for kind, name in _PERSONAL_DATA.items() if kind in found]
    if not found:
        lines[2:] = ["Texts were not scanned."]
    return "\n".join(lines)
