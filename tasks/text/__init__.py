"""Pure work on text: equality, guards, languages, personal data with the standard library alone; Markdown as HTML."""
