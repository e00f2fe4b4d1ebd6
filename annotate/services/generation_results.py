"""Store what came of a claimed request, once: the text as a candidate, another draw, a later try, or why there is none.

1. Before any lock: is the text nearly the same as another candidate's? A text that no one wants, or that is none, is
   thrown away, and the request is queued for another draw, as often as its campaign allows; each has another seed.
2. In one transaction: the request's row, if it still carries the worker's token; the candidate; the request's end.

A text that another candidate has already is drawn again too; when no draw is left it is told as one more origin of it.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction

from annotate.exceptions import ChorusError
from annotate.queries.rows import Row, fetch_one, run
from annotate.services.candidates import NewCandidate, add_candidates
from annotate.services.generate_workers import clear_problem
from annotate.services.generator_keys import note_answer, wait_for_key
from tasks.records.generation import GenerationResult
from tasks.records.parameters import CampaignSettings, parse_settings
from tasks.text.fingerprints import likeness, list_shingles
from tasks.text.guards import BadText
from tasks.text.normalise import text_hash
from tasks.vocabulary import GenerationOutcome, RequestState

#: The pause after a failure doubles from the first to the longest (seconds).
FIRST_PAUSE_SECONDS = 15.0
LONGEST_PAUSE_SECONDS = 3600.0
LONGEST_REASON = 500
LONGEST_REASONING = 200_000

#: Outcomes that a later try may better, and how many there are at most; every other one is final, or drawn again.
RETRIES: Mapping[GenerationOutcome, int] = {
    GenerationOutcome.RATE_LIMITED: 24,
    GenerationOutcome.UNREACHABLE: 24,
    GenerationOutcome.MODEL_UNAVAILABLE: 24,
    GenerationOutcome.SERVER_ERROR: 5,
    GenerationOutcome.TIMED_OUT: 3,
    GenerationOutcome.KEY_REFUSED: 3,
}

#: Answers that are thrown away while another draw is left: another seed may give a better one.
DRAWN_AGAIN = frozenset(
    {
        GenerationOutcome.DUPLICATE_TEXT,
        GenerationOutcome.NEAR_DUPLICATE,
        GenerationOutcome.DECLINED,
        GenerationOutcome.EMPTY,
        GenerationOutcome.LOOPING,
        GenerationOutcome.NOT_NUMBERS,
        GenerationOutcome.TRUNCATED,
    }
)

_READ_SIBLINGS = """
SELECT c.parameters::text AS parameters, ARRAY(
  SELECT m.text FROM annotate_message m
  WHERE m.parent_id = r.parent_id AND m.role = 'assistant' AND m.removed_at IS NULL AND m.withdrawn_at IS NULL
  ORDER BY m.id) AS siblings
FROM annotate_generationrequest r JOIN annotate_campaign c ON c.id = r.campaign_id
WHERE r.id = %(request)s AND r.state = 'running' AND r.lease_token = %(token)s"""

_LOCK_MINE = """
SELECT r.id, r.parent_id, r.generator_id, r.campaign_id, r.attempts, r.draws, c.parameters::text AS parameters,
  g.sampling->>'temperature' AS temperature, g.problem <> '' AS has_problem, g.problem_at, g.host <> '' AS has_server
FROM annotate_generationrequest r
JOIN annotate_campaign c ON c.id = r.campaign_id JOIN annotate_generator g ON g.id = r.generator_id
WHERE r.id = %(request)s AND r.state = 'running' AND r.lease_token = %(token)s
FOR NO KEY UPDATE OF r"""

_END = """
UPDATE annotate_generationrequest
SET state = %(state)s::text, lease_token = NULL, lease_expires_at = NULL, not_before = %(not_before)s,
  attempts = attempts + %(tries)s, draws = draws + %(draws)s, outcome = %(outcome)s, reason = %(reason)s,
  losses = CASE WHEN %(state)s::text = 'queued' THEN 0 ELSE losses END, finished_at = %(finished_at)s,
  prompt_tokens = NULLIF(COALESCE(prompt_tokens, 0) + %(prompt_tokens)s::int, 0),
  completion_tokens = NULLIF(COALESCE(completion_tokens, 0) + %(completion_tokens)s::int, 0),
  compute_seconds = NULLIF(COALESCE(compute_seconds, 0) + %(compute_seconds)s::float8, 0)
WHERE id = %(request)s AND state = 'running' AND lease_token = %(token)s"""


@dataclass(frozen=True, slots=True)
class End:
    """How a try ended: the request's new state, why, and what it counts as."""

    state: RequestState
    outcome: GenerationOutcome | None
    reason: str = ""
    not_before: datetime | None = None
    tries: int = 1
    draws: int = 0


def settle_request(*, token: uuid.UUID, result: GenerationResult, now: datetime) -> RequestState | None:
    """Store one result in one transaction: the text as a candidate, or what came of the request instead.

    Returns the request's new state; None when this worker no longer holds it, and then nothing is stored.
    """
    params = {"request": result.request_id, "token": token}
    result = _compare(result, params=params)
    with transaction.atomic():
        mine = fetch_one(_LOCK_MINE, params)
        if mine is None:
            return None
        if result.outcome == GenerationOutcome.STORED or _is_last_origin(mine, result=result):
            end = _store_text(mine=mine, result=result, now=now)
        elif result.outcome == GenerationOutcome.KEY_REFUSED:
            end = _wait_for_key(mine=mine, result=result, now=now)
        else:
            end = _end_without_text(mine=mine, result=result, now=now)
        _end(params=params, end=end, now=now, result=result)
        if mine["has_problem"]:
            _look_at_problem(mine, end=end, result=result, now=now)
        return end.state


def cancel_gone(*, token: uuid.UUID, request_ids: Sequence[int], now: datetime) -> None:
    """Nothing is generated for a conversation that was removed since it was asked for."""
    reason = "The conversation that this would answer was removed."
    for request_id in request_ids:
        _end(params={"request": request_id, "token": token}, end=End(RequestState.CANCELLED, None, reason), now=now)


def _compare(result: GenerationResult, *, params: Row) -> GenerationResult:
    """The result, told as a duplicate where its text is another candidate's, or nearly. Reads without a lock."""
    if result.outcome != GenerationOutcome.STORED or not result.text:
        return result
    read = fetch_one(_READ_SIBLINGS, params)
    if read is None or not read["siblings"]:
        return result
    digest = text_hash(result.text)
    if any(text_hash(sibling) == digest for sibling in read["siblings"]):
        reason = "Another candidate of this prompt has the same text."
        return replace(result, outcome=GenerationOutcome.DUPLICATE_TEXT, reason=reason)
    most = parse_settings(read["parameters"]).near_duplicate_similarity
    if _find_likeness(result.text, read["siblings"]) >= most:
        reason = "Another candidate of this prompt has nearly the same text."
        return replace(result, outcome=GenerationOutcome.NEAR_DUPLICATE, reason=reason)
    return result


def _find_likeness(text: str, siblings: Sequence[str]) -> float:
    mine = list_shingles(text)
    return max(likeness(mine, list_shingles(sibling)) for sibling in siblings)


def _may_draw_again(mine: Row, *, outcome: GenerationOutcome) -> bool:
    """Whether another answer is drawn: each campaign allows some for each time that a request is tried."""
    if outcome not in DRAWN_AGAIN or _is_greedy(mine["temperature"]):
        return False
    return bool((mine["draws"] + 1) % (_read(mine).redraws + 1))


def _is_greedy(temperature: str | None) -> bool:
    """Whether the model always takes the likeliest token, so that no seed changes its answer."""
    try:
        return float(temperature or 1) == 0
    except ValueError:
        return False


def _is_last_origin(mine: Row, *, result: GenerationResult) -> bool:
    is_same = result.outcome == GenerationOutcome.DUPLICATE_TEXT and bool(result.text)
    return is_same and not _may_draw_again(mine, outcome=result.outcome)


def _store_text(*, mine: Row, result: GenerationResult, now: datetime) -> End:
    candidate = NewCandidate.generated(
        text=result.text or "",
        request_id=mine["id"],
        generator_id=mine["generator_id"],
        provenance=result.provenance,
        reasoning=_keep_characters(result.reasoning),
    )
    try:
        with transaction.atomic():
            (stored,) = add_candidates(
                campaign_id=mine["campaign_id"], parent_id=mine["parent_id"], candidates=[candidate], now=now
            )
    except ChorusError as refusal:
        return End(RequestState.CANCELLED, None, refusal.message)
    except BadText as refusal:
        return End(RequestState.FAILED, GenerationOutcome.BAD_ANSWER, str(refusal))
    outcome = GenerationOutcome.STORED if stored.is_new else GenerationOutcome.DUPLICATE_TEXT
    return End(RequestState.DONE, outcome)


def _look_at_problem(mine: Row, *, end: End, result: GenerationResult, now: datetime) -> None:
    """What kept a generator from answering is over: a model by a candidate, a server by any answer."""
    if mine["has_server"]:
        note_answer(generator_id=mine["generator_id"], result=result, now=now)
    elif end.state == RequestState.DONE:
        clear_problem(generator_ids=[mine["generator_id"]])


def _wait_for_key(*, mine: Row, result: GenerationResult, now: datetime) -> End:
    """That is no try, except of the request with which it began: the key was taken until then, and the server may mean it alone."""
    is_try = not mine["has_problem"] and result.provenance.get("attempts") != 0
    tries = _count_tries(mine) + is_try
    if is_try and tries >= RETRIES[GenerationOutcome.KEY_REFUSED]:
        return End(RequestState.FAILED, result.outcome, _count(result.reason or "", tries))
    waits = wait_for_key(generator_id=mine["generator_id"], since=mine["problem_at"], now=now)
    return End(RequestState.QUEUED, result.outcome, result.reason or "", not_before=now + waits, tries=int(is_try))


def _end_without_text(*, mine: Row, result: GenerationResult, now: datetime) -> End:
    outcome = result.outcome
    reason = result.reason or "Nothing is known about why."
    wait = timedelta(seconds=result.retry_after_seconds or 0)
    if result.retry_after_seconds is not None and result.provenance.get("attempts") == 0:
        # Handed back, and never asked: its server wants a pause, or the batch's time was over. That is no try.
        return End(RequestState.QUEUED, outcome, reason, not_before=now + wait, tries=0)
    if _may_draw_again(mine, outcome=outcome):
        return End(RequestState.QUEUED, outcome, reason, draws=1)
    if outcome in DRAWN_AGAIN:
        return End(RequestState.FAILED, outcome, _count(reason, mine["draws"] % (_read(mine).redraws + 1) + 1), draws=1)
    most = RETRIES.get(outcome)
    tries = _count_tries(mine) + 1
    if most is None:
        return End(RequestState.FAILED, outcome, reason)
    if tries >= most:
        return End(RequestState.FAILED, outcome, _count(reason, tries))
    pause = timedelta(seconds=min(FIRST_PAUSE_SECONDS * 2 ** (max(tries, 1) - 1), LONGEST_PAUSE_SECONDS))
    return End(RequestState.QUEUED, outcome, reason, not_before=now + (wait or pause))


def _keep_characters(reasoning: str | None) -> str | None:
    """What can be stored of it: nobody reads it, so it refuses no answer."""
    if not reasoning:
        return None
    return reasoning[:LONGEST_REASONING].replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _count_tries(mine: Row) -> int:
    """How often it was tried before, draws left out."""
    return int(mine["attempts"]) - int(mine["draws"]) % (_read(mine).redraws + 1)


def _count(reason: str, times: int) -> str:
    return f"{reason} It was tried {times} times." if times > 1 else reason


def _read(mine: Row) -> CampaignSettings:
    return parse_settings(mine["parameters"])


def _end(*, params: Row, end: End, now: datetime, result: GenerationResult | None = None) -> None:
    run(
        _END,
        {
            **params,
            "state": end.state,
            "outcome": end.outcome,
            "reason": end.reason[:LONGEST_REASON],
            "finished_at": None if end.state == RequestState.QUEUED else now,
            "not_before": end.not_before,
            "tries": end.tries,
            "draws": end.draws,
            "prompt_tokens": (result and result.prompt_tokens) or 0,
            "completion_tokens": (result and result.completion_tokens) or 0,
            "compute_seconds": (result and result.compute_seconds) or 0.0,
        },
    )
