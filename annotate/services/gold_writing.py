"""A gold item that an organizer writes: a conversation of its own, which looks as if it had been imported with others."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotate.access import Actor
from annotate.exceptions import Conflict, InvalidInput
from annotate.models import Campaign, GoldItem
from annotate.queries.rows import fetch_all, fetch_one, run
from annotate.services.gold_answers import read_explanation, read_kind, read_known_labels
from annotate.services.gold_opening import Known, lock_subject, open_gold, read_order
from annotate.services.import_plan import make_tree_key
from annotate.services.search_index import index_messages, index_prompt
from annotate.services.spare_places import Place, take_place
from tasks.records.parameters import read_settings
from tasks.text.guards import BadText, check_characters
from tasks.text.normalise import text_hash
from tasks.vocabulary import GoldOrigin, Kind, MessageRole, TreeState

#: For the place that a conversation takes, and the order of its replies.
DICE = random.SystemRandom()
MAX_TEXT_CHARS = 20_000
MAX_TOPIC_CHARS = 80

#: The same prompt is there once, in whichever language of the campaign: it could be met twice.
_BEGIN = """
WITH same AS MATERIALIZED (
  SELECT t.id FROM annotate_messagetree t WHERE t.campaign_id = %(campaign)s AND t.key = ANY(%(keys)s::text[]) LIMIT 1),
stratum AS (
  INSERT INTO annotate_stratum (campaign_id, language, topic, done) SELECT %(campaign)s, %(language)s, %(topic)s, 0
  WHERE NOT EXISTS (SELECT 1 FROM same)
  ON CONFLICT (campaign_id, language, topic) DO UPDATE SET topic = excluded.topic RETURNING id),
tree AS (
  INSERT INTO annotate_messagetree (id, campaign_id, stratum_id, state, state_reason, state_changed_at, language, topic, key,
    created_at)
  SELECT %(tree)s, %(campaign)s, stratum.id, %(state)s, '', %(when)s, %(language)s, %(topic)s, %(key)s, %(when)s FROM stratum
  ON CONFLICT (campaign_id, key) DO NOTHING RETURNING id)
INSERT INTO annotate_message (id, tree_id, thread, role, text, text_hash, language, revision, review_state, removed_reason,
  created_at)
SELECT %(message)s, tree.id, ARRAY[%(message)s::bigint], 'prompter', %(text)s, %(hash)s, %(language)s, 1, 'none', '', %(when)s
FROM tree RETURNING id"""

_REPLY = """
INSERT INTO annotate_message (id, tree_id, parent_id, thread, role, text, text_hash, language, revision, review_state,
  removed_reason, created_at)
SELECT r.id, p.tree_id, p.id, p.thread || r.id, 'assistant', r.text, r.hash, p.language, 1, 'none', '', p.created_at
FROM annotate_message p, unnest(%(texts)s::text[], %(hashes)s::bytea[], %(ids)s::bigint[]) AS r (text, hash, id)
WHERE p.id = %(prompt)s"""

_REPLIES = "SELECT id, text_hash FROM annotate_message WHERE parent_id = %(prompt)s"


def write_gold(*, campaign: Campaign, values: Mapping[str, Any], actor: Actor | None, now: datetime) -> GoldItem:
    """A prompt with two to eight replies and their order, or a text to label with its labels, becomes a gold item.

    `values`: `kind`, `language`, `topic`, `prompt`, and `tiers` of texts with `acceptable_tiers`; or `labels`, with `reply`
    where a reply is labelled; `explanation`. Raises InvalidInput, and Conflict: `trees_grow`, `prompt_is_there`.
    """
    _check_campaign(campaign)
    kind, explanation = read_kind(campaign, values.get("kind")), read_explanation(values.get("explanation", ""))
    prompt = _read_text("prompt", values.get("prompt"))
    with transaction.atomic():
        if kind == Kind.LABEL:
            reply = values.get("reply")
            replies = [] if reply in (None, "") else [_read_text("reply", reply)]
            role = MessageRole.ASSISTANT if replies else MessageRole.PROMPTER
            answer: dict[str, Any] = {"labels": read_known_labels(values.get("labels"), campaign=campaign, role=role)}
            root, ids = _write(campaign=campaign, values=values, prompt=prompt, replies=replies, now=now)
            subject_id = ids[text_hash(replies[0])] if replies else root
        else:
            texts = _read_candidates(values.get("tiers"))
            order = read_order({**values, "tiers": texts}, candidates=[text for tier in texts for text in tier])
            replies = [text for tier in texts for text in tier]
            subject_id, ids = _write(campaign=campaign, values=values, prompt=prompt, replies=replies, now=now)
            answer = order | {"tiers": [[ids[text_hash(text)] for text in tier] for tier in texts]}
        subject = lock_subject(campaign=campaign, message_id=subject_id)
        known = Known(answer, explanation, GoldOrigin.WRITTEN)
        return open_gold(campaign=campaign, subject=subject, kind=kind, units=[], known=known, actor=actor, now=now)


def _check_campaign(campaign: Campaign) -> None:
    if read_settings(campaign.parameters).grow_trees:
        raise Conflict(
            _(
                "Trees grow in this campaign, and everybody can look up who wrote a message, when, and how it was "
                "reviewed. A conversation that came all at once could be told from the others. Choose one that grew "
                "here, and give its answer."
            ),
            code="trees_grow",
        )


def _read_candidates(value: Any) -> list[list[str]]:
    if not isinstance(value, list) or not all(isinstance(tier, list) for tier in value):
        raise _refuse("tiers", _("Send tiers as a list of lists of texts, best first."))
    texts = [[_read_text("tiers", text) for text in tier] for tier in value]
    digests = [text_hash(text) for tier in texts for text in tier]
    if len(set(digests)) != len(digests):
        raise _refuse("tiers", _("Two candidates are the same text. Each must be one of its own."))
    return texts


def _read_text(field: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _refuse(field, _("Write a text."))
    try:
        text = check_characters(value.strip())
    except BadText as error:
        raise _refuse(field, error.sentence) from error
    if len(text) > MAX_TEXT_CHARS:
        raise _refuse(field, _("The text is too long; shorten it."))
    return text


def _write(
    *, campaign: Campaign, values: Mapping[str, Any], prompt: str, replies: Sequence[str], now: datetime
) -> tuple[int, dict[bytes, int]]:
    """The new conversation, among what was imported: the id of its prompt, and those of its replies by their digests."""
    place = take_place(campaign_id=campaign.pk, messages=1 + len(replies), now=now, rng=DICE)
    root = _begin(campaign=campaign, values=values, prompt=prompt, place=place)
    return root, _add_replies(root, replies, ids=place.messages[1:])


def _begin(*, campaign: Campaign, values: Mapping[str, Any], prompt: str, place: Place) -> int:
    """The id of the new prompt."""
    language, topic = values.get("language"), values.get("topic", "")
    if language not in campaign.languages:
        raise _refuse(
            "language",
            _("Choose a language of the campaign: %(languages)s.") % {"languages": ", ".join(campaign.languages)},
        )
    if not isinstance(topic, str) or len(topic.strip()) > MAX_TOPIC_CHARS:
        raise _refuse("topic", _("A topic has at most %(most)s characters.") % {"most": MAX_TOPIC_CHARS})
    digest = text_hash(prompt)
    begun = fetch_one(
        _BEGIN,
        {
            "campaign": campaign.pk,
            "language": language,
            "topic": topic.strip(),
            "state": TreeState.RANKING,
            "key": make_tree_key(language=language, text_hash=digest),
            "keys": [make_tree_key(language=one, text_hash=digest) for one in campaign.languages],
            "text": prompt,
            "hash": digest,
            "tree": place.tree,
            "message": place.messages[0],
            "when": place.created_at,
        },
    )
    if begun is None:
        raise Conflict(
            _(
                "This campaign has this very prompt already. Choose it from its conversations, and give its answer there."
            ),
            code="prompt_is_there",
        )
    index_prompt(message_id=begun["id"])
    return int(begun["id"])


def _add_replies(prompt: int, texts: Sequence[str], *, ids: Sequence[int]) -> dict[bytes, int]:
    """Ids of the new replies by the digest of their text: which was written first says nothing of which is best."""
    if texts:
        mixed = DICE.sample(texts, len(texts))
        hashes = [text_hash(text) for text in mixed]
        run(_REPLY, {"prompt": prompt, "texts": mixed, "hashes": hashes, "ids": list(ids)})
    found = {bytes(row["text_hash"]): int(row["id"]) for row in fetch_all(_REPLIES, {"prompt": prompt})}
    index_messages(message_ids=list(found.values()))
    return found


def _refuse(field: str, sentence: str) -> InvalidInput:
    return InvalidInput(sentence, details={field: [sentence]})
