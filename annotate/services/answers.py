"""Read what an annotator sent: a ranking, labels or a text, checked against what was shown. Pure but for its refusals.

Every refusal has its own code and a sentence that says what to send instead.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate.exceptions import InvalidInput, TooLarge
from annotate.figures import whole
from annotate.models import LabelDimension
from annotate.services.label_answers import LabelAnswer, quote, read_labels
from annotate.services.text_answers import read_signals, read_texts
from tasks.records.parameters import CampaignSettings
from tasks.vocabulary import WRITING_KINDS, CannotTellReason, Kind

MAX_RATIONALE_CHARS = 10_000
#: A day: longer than any sitting, so that a clock gone wrong is told apart from a slow reader.
MAX_ACTIVE_SECONDS = 86_400.0

COMMON_FIELDS = frozenset({"rationale", "active_seconds", "cannot_tell_reason"})
WRITING_FIELDS = frozenset({"language", "signals", "active_seconds", "rationale"})
FIELDS: Mapping[str, frozenset[str]] = {
    Kind.RANK: COMMON_FIELDS | {"tiers", "acceptable_tiers", "rest_worse"},
    Kind.COMPARE: COMMON_FIELDS | {"tiers", "acceptable_tiers", "much_better"},
    Kind.LABEL: COMMON_FIELDS | {"labels"},
    Kind.WRITE_ASSISTANT_REPLY: WRITING_FIELDS | {"text"},
    Kind.WRITE_PROMPTER_REPLY: WRITING_FIELDS | {"text", "ends_thread"},
    Kind.WRITE_PROMPT: WRITING_FIELDS | {"text"},
    Kind.WRITE_PAIR: WRITING_FIELDS | {"prompt", "reply"},
    Kind.IMPROVE_REPLY: WRITING_FIELDS | {"text"},
}


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """An answer as it will be stored. `tiers` are message ids, best tier first, in no order inside a tier.

    `text` is what was written, of a pair the prompt; `reply` the other half. `ends_thread`: no turn, the end instead.
    """

    kind: str
    body_hash: bytes
    rationale: str = ""
    active_seconds: float | None = None
    cannot_tell_reason: str | None = None
    tiers: tuple[tuple[int, ...], ...] = ()
    acceptable_tiers: int | None = None
    rest_worse: bool = False
    much_better: bool | None = None
    labels: tuple[LabelAnswer, ...] = ()
    text: str | None = None
    reply: str | None = None
    language: str | None = None
    ends_thread: bool = False
    signals: Mapping[str, float] | None = None


def hash_body(body: Mapping[str, Any]) -> bytes:
    """SHA-256 of the body in canonical JSON: the same submit sent again has the same digest."""
    canonical = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).digest()


def read_answer(
    *,
    kind: str,
    body: Mapping[str, Any],
    shown: Mapping[str, int],
    dimensions: Sequence[LabelDimension],
    asked: Sequence[LabelDimension],
    settings: CampaignSettings,
    languages: Sequence[str],
    language: str,
) -> ReadAnswer:
    """Check `body` for a unit of `kind` and read it. `shown`: message ids by handle, in the order shown.

    `asked`: those of the dimensions that the form has; the others are stored as not answered.

    Raises InvalidInput (422) or TooLarge (413) with a code of its own for each thing that can be wrong.
    """
    unknown = sorted(set(body) - FIELDS[kind])
    if unknown:
        raise InvalidInput(
            _("There is no field %(name)s for this kind of work; it takes %(fields)s.")
            % {"name": repr(unknown[0]), "fields": ", ".join(sorted(FIELDS[kind]))},
            code="unknown_field",
            details={"fields": unknown},
        )
    common: dict[str, Any] = {
        "kind": kind,
        "body_hash": hash_body(body),
        "rationale": _read_rationale(body.get("rationale")),
        "active_seconds": _read_seconds(body.get("active_seconds")),
    }
    if body.get("cannot_tell_reason") is not None:
        return ReadAnswer(**common, cannot_tell_reason=_read_cannot_tell(body))
    if kind in WRITING_KINDS:
        texts = read_texts(body, kind=kind, settings=settings, languages=languages, language=language)
        return ReadAnswer(**common, **texts, signals=read_signals(body.get("signals")))
    if settings.require_rationale and not common["rationale"]:
        raise InvalidInput(
            _("This campaign asks for your reason in words. Add a rationale and submit again."),
            code="rationale_required",
        )
    if kind == Kind.RANK:
        return ReadAnswer(**common, **_read_ranking(body, shown=shown))
    if kind == Kind.COMPARE:
        return ReadAnswer(**common, **_read_comparison(body, shown=shown))
    return ReadAnswer(**common, labels=read_labels(body, dimensions=dimensions, asked=asked))


def read_body(body: Any) -> dict[str, Any]:
    """The body as a mapping, or a refusal."""
    if not isinstance(body, dict):
        raise InvalidInput(_("Send a JSON object with your answer."), code="not_an_object")
    return body


def _read_ranking(body: Mapping[str, Any], *, shown: Mapping[str, int]) -> dict[str, Any]:
    tiers = _read_tiers(body, shown=shown)
    placed = {message for tier in tiers for message in tier}
    missing = [handle for handle, message in shown.items() if message not in placed]
    rest_worse = _read_flag(body, "rest_worse")
    if missing and not rest_worse:
        raise InvalidInput(
            _(
                "Candidate %(candidate)s is not in your ranking. Place every candidate, or send rest_worse: "
                "true when those you left out are all worse than those you placed."
            )
            % {"candidate": repr(missing[0])},
            code="candidate_missing",
            details={"missing": missing},
        )
    if missing:
        tiers.append(tuple(shown[handle] for handle in missing))
    acceptable = _read_bar(body, tiers=tiers)
    return {"tiers": tuple(tiers), "acceptable_tiers": acceptable, "rest_worse": bool(missing)}


def _read_comparison(body: Mapping[str, Any], *, shown: Mapping[str, int]) -> dict[str, Any]:
    read = _read_ranking(body, shown=shown)
    much_better = body.get("much_better")
    if much_better is not None and not isinstance(much_better, bool):
        raise InvalidInput(
            _("much_better must be true, false or null."), code="wrong_value", details={"field": "much_better"}
        )
    if much_better and len(read["tiers"]) == 1:
        raise InvalidInput(
            _("A tie cannot be much better. Place one candidate above the other, or leave much_better out."),
            code="tie_much_better",
        )
    return {**read, "much_better": much_better}


def _read_tiers(body: Mapping[str, Any], *, shown: Mapping[str, int]) -> list[tuple[int, ...]]:
    tiers = body.get("tiers")
    if not isinstance(tiers, list) or not tiers:
        raise InvalidInput(
            _('Send tiers as a list of lists of candidate letters, best first: [["a"], ["c", "b"]].'),
            code="tiers_required",
        )
    seen: set[str] = set()
    read = []
    for tier in tiers:
        if not isinstance(tier, list) or not tier:
            raise InvalidInput(_("Each tier must be a list with at least one candidate letter."), code="empty_tier")
        for handle in tier:
            if not isinstance(handle, str) or handle not in shown:
                raise InvalidInput(
                    _("There is no candidate %(candidate)s in this work; the letters are %(candidates)s.")
                    % {"candidate": quote(handle), "candidates": ", ".join(shown)},
                    code="unknown_candidate",
                    details={"candidate": handle if isinstance(handle, str) else None},
                )
            if handle in seen:
                raise InvalidInput(
                    _("Candidate %(candidate)s is placed twice. Place each candidate once.")
                    % {"candidate": repr(handle)},
                    code="candidate_doubled",
                    details={"candidate": handle},
                )
            seen.add(handle)
        read.append(tuple(shown[handle] for handle in tier))
    return read


def _read_bar(body: Mapping[str, Any], *, tiers: Sequence[Sequence[int]]) -> int | None:
    acceptable = body.get("acceptable_tiers")
    if acceptable is None:
        return None
    if isinstance(acceptable, bool) or not isinstance(acceptable, int) or not 0 <= acceptable <= len(tiers):
        raise InvalidInput(
            _(
                "acceptable_tiers must be a whole number from 0 (all bad) to %(tiers)s (all acceptable), or "
                "null when you drew no line."
            )
            % {"tiers": len(tiers)},
            code="wrong_value",
            details={"field": "acceptable_tiers"},
        )
    return acceptable


def _read_rationale(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidInput(_("rationale must be text."), code="wrong_value", details={"field": "rationale"})
    if len(value) > MAX_RATIONALE_CHARS:
        raise TooLarge(
            ngettext(
                "The rationale has %(length)s character; %(most)s is the most. Shorten it and submit again.",
                "The rationale has %(length)s characters; %(most)s is the most. Shorten it and submit again.",
                len(value),
            )
            % {"length": whole(len(value)), "most": whole(MAX_RATIONALE_CHARS)},
            code="rationale_too_long",
        )
    return value.strip()


def _read_seconds(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_ACTIVE_SECONDS:
        raise InvalidInput(
            _("active_seconds must be a number of seconds from 0 to %(most)s, or null.")
            % {"most": f"{MAX_ACTIVE_SECONDS:g}"},
            code="wrong_value",
            details={"field": "active_seconds"},
        )
    return float(value)


def _read_cannot_tell(body: Mapping[str, Any]) -> str:
    given = {name for name in ("tiers", "labels") if body.get(name)}
    if given:
        raise InvalidInput(
            _("Either judge or say that you cannot tell; this says both."), code="judged_and_cannot_tell"
        )
    reason = body["cannot_tell_reason"]
    if reason not in [word.value for word in CannotTellReason]:  # a list: what was sent need not be hashable
        raise InvalidInput(
            _("cannot_tell_reason must be one of %(reasons)s.") % {"reasons": ", ".join(CannotTellReason)},
            code="wrong_value",
            details={"field": "cannot_tell_reason"},
        )
    return str(reason)


def _read_flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise InvalidInput(
            _("%(name)s must be true or false.") % {"name": name}, code="wrong_value", details={"field": name}
        )
    return value
