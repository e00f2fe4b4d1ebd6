"""Find messages by their words: newest first, with what was found marked as data, never as HTML."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from annotate.exceptions import InvalidInput
from annotate.queries.message_lists import LISTED, MessageRow, as_message_row
from annotate.queries.reading import IS_NO_REJECT, IS_UNSEALED, MAY_READ, STANDS, Reader
from annotate.queries.rows import Row, fetch_all
from tasks.text.searching import Segment, Term, cut_snippet, read_query, stemmer_of

PAGE_SIZE = 20
#: Characters of a text in which hits are marked.
LOOKED_AT = 8000

#: A database without this configuration searches as it does where it knows no stems.
STEMMER = """coalesce((SELECT k.oid::regconfig FROM pg_ts_config k WHERE k.cfgname = %(stemmer)s
  AND pg_ts_config_is_visible(k.oid)), 'simple'::regconfig)"""

_FIND = f"""
SELECT {LISTED}, left(m.text, {LOOKED_AT}) AS looked_at
FROM annotate_messageindex i JOIN annotate_message m ON m.id = i.message_id
JOIN annotate_messagetree t ON t.id = m.tree_id JOIN annotate_campaign c ON c.id = t.campaign_id
WHERE i.vector @@ ({{query}})
  AND (%(language)s::text IS NULL OR m.language = %(language)s) AND (%(campaign)s::text IS NULL OR c.slug = %(campaign)s)
  AND (%(before)s::bigint IS NULL OR m.id < %(before)s)
  AND {MAY_READ} AND {STANDS} AND {IS_NO_REJECT} AND {IS_UNSEALED}
ORDER BY m.id DESC LIMIT %(limit)s"""


@dataclass(frozen=True, slots=True)
class Found:
    """A message and the part of its text around what was found."""

    message: MessageRow
    snippet: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class FoundPage:
    """One page, newest first. `next_before` is the id to go on before, None on the last page."""

    found: tuple[Found, ...]
    next_before: int | None


def find_messages(
    *,
    q: str,
    reader: Reader,
    language: str | None = None,
    campaign: str | None = None,
    before: int | None = None,
    limit: int = PAGE_SIZE,
) -> FoundPage:
    """Messages that stand, that this reader may see, and that have all words of `q`: one statement.

    Words match in every form that the language's stemmer knows, where `language` says one; else by their beginnings.
    Raises `InvalidInput` (`query_empty`) when there is no word in `q`.
    """
    stemmer = None if language is None else stemmer_of(language)
    terms = read_query(q, is_stemmed=stemmer is not None)
    if not terms:
        raise InvalidInput(
            _("There is no word to search for. Write one or more words, or part of one."),
            code="query_empty",
            details={"q": [_("Write a word.")]},
        )
    params = {**reader.as_parameters(), "language": language, "campaign": campaign, "before": before,
              "limit": limit + 1, "stemmer": stemmer}  # fmt: skip
    sql, words = _write_query(terms, is_stemmed=stemmer is not None)
    rows = fetch_all(_FIND.format(query=sql), {**params, **words})
    found = tuple(
        Found(
            as_message_row(row, reader=reader),
            tuple(cut_snippet(row["looked_at"], terms, is_stemmed=stemmer is not None)),
        )
        for row in rows[:limit]
    )
    return FoundPage(found, found[-1].message.id if len(rows) > limit else None)


def _write_query(terms: list[Term], *, is_stemmed: bool) -> tuple[str, Row]:
    """The terms joined by AND, each as it is written or, where there is a stemmer, in another form."""
    parts, words = [], {}
    for place, term in enumerate(terms):
        words[f"lexemes_{place}"] = term.lexemes
        part = f"%(lexemes_{place})s::tsquery"
        if is_stemmed and term.word:
            words[f"word_{place}"] = term.word
            part = f"({part} || plainto_tsquery({STEMMER}, %(word_{place})s))"
        parts.append(part)
    return " && ".join(parts), words
