"""File formats: readers of imports and writers of releases. No Django; files are streamed, never held whole.

Imports: `readers.open_import` (a file), `items.parse_item` (one item of the API).
Releases: `writers` (JSONL and Parquet), `rows` (records to rows), `pairs`, `manifest`, `card`.
Only `parquet_schemas` and `writers` load pyarrow, and `parquet_child` in a process of its own.
"""
