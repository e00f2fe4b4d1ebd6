"""The demo campaign, written for Chorus: `demo.toml` (the campaign) and `demo.jsonl` (prompts with candidates).

Data only: `apply_campaign` and `import_data` read these two files as they would read anybody's.
"""

#: The campaign's address, as `demo.toml` has it.
SLUG = "everyday-questions"
