"""Pure work on text, with the standard library alone: equality, guards, languages, personal data."""
