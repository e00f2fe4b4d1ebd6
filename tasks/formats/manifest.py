"""The manifest of a release: what is in it, from what, made how, with checksums."""

import json

from tasks.formats.rows import format_time
from tasks.records.releases import ReleaseManifest, WrittenFile

MANIFEST_NAME = "MANIFEST.json"
SCHEMA = "chorus-release/1"


def format_manifest(manifest: ReleaseManifest) -> bytes:
    """Return the manifest as JSON in UTF-8, keys sorted, files by name: equal manifests give equal bytes."""
    content = {
        "schema": SCHEMA,
        "number": manifest.number,
        "campaign": manifest.campaign,
        "title": manifest.title,
        "licence": manifest.licence,
        "frozen_at": format_time(manifest.frozen_at),
        "filters": dict(manifest.filters),
        "counts": dict(manifest.counts),
        "personal_data": {str(kind): count for kind, count in manifest.personal_data.items()},
        "personal_data_by_table": {
            str(table): {str(kind): count for kind, count in counts.items()}
            for table, counts in manifest.personal_data_by_table.items()
        },
        "methods": dict(manifest.methods),
        # Also where the campaign weighs its own results: see the card.
        "ballots_count": "alike",
        "software": manifest.software,
        "files": [_describe(file) for file in sorted(manifest.files, key=lambda file: file.name)],
    }
    return (json.dumps(content, ensure_ascii=False, allow_nan=False, indent=2, sort_keys=True) + "\n").encode("utf-8")


def _describe(file: WrittenFile) -> dict[str, object]:
    return {
        "name": file.name,
        "table": None if file.table is None else str(file.table),
        "rows": file.rows,
        "bytes": file.bytes,
        "sha256": file.sha256,
    }
