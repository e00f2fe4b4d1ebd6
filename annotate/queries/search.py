"""Find messages by their words: newest first, with what was found marked as data, never as HTML."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from annotate.exceptions import InvalidInput
from annotate.queries.message_lists import PAGE, MessageRow, as_message_row, find_next
from annotate.queries.reading import Reader
from annotate.queries.rows import Row, fetch_all
from tasks.text.searching import Segment, Term, cut_snippet, read_query, stemmer_of

PAGE_SIZE = 20
#: Characters of a text in which hits are marked.
LOOKED_AT = 8000

#: A database without this configuration searches as it does where it knows no stems.
STEMMER = """coalesce((SELECT k.oid::regconfig FROM pg_ts_config k WHERE k.cfgname = %(stemmer)s
  AND pg_ts_config_is_visible(k.oid)), 'simple'::regconfig)"""

_FIND = PAGE.format(
    more=f", left(m.text, {LOOKED_AT}) AS looked_at",
    looked="""SELECT i.message_id AS id FROM annotate_messageindex i
  WHERE i.vector @@ ({query}) AND (%(before)s::bigint IS NULL OR i.message_id < %(before)s)
    AND (%(language)s::text IS NULL OR EXISTS (
      SELECT 1 FROM annotate_message l WHERE l.id = i.message_id AND l.language = %(language)s OFFSET 0))
    AND (NOT %(prompts_only)s OR EXISTS (
      SELECT 1 FROM annotate_message p WHERE p.id = i.message_id AND p.parent_id IS NULL OFFSET 0))
    AND (%(campaign)s::text IS NULL
      OR i.campaign_id = (SELECT cc.id FROM annotate_campaign cc WHERE cc.slug = %(campaign)s))""",
)


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
    prompts_only: bool = False,
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
    params = {**reader.as_parameters(), "language": language, "campaign": campaign, "before": before, "prompts_only": prompts_only,
              "limit": limit + 1, "stemmer": stemmer}  # fmt: skip
    sql, words = _write_query(terms, is_stemmed=stemmer is not None)
    rows = fetch_all(_FIND.format(query=sql), {**params, **words})
    found = tuple(
        Found(
            as_message_row(row, reader=reader),
            tuple(cut_snippet(row["looked_at"], terms, is_stemmed=stemmer is not None)),
        )
        for row in rows[:limit]
        if row["id"] is not None
    )
    return FoundPage(found, find_next(rows, limit=limit))


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
