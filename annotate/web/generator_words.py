"""Generators and their requests in words."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tasks.vocabulary import Engine, GenerationOutcome, RequestState

REQUEST_STATES: dict[RequestState, str | Promise] = {
    RequestState.QUEUED: _("waiting"),
    RequestState.RUNNING: _("under way"),
    RequestState.DONE: _("done"),
    RequestState.FAILED: _("failed"),
    RequestState.CANCELLED: _("called off"),
    RequestState.SET_ASIDE: _("set aside"),
}
OUTCOMES: dict[GenerationOutcome, str | Promise] = {
    GenerationOutcome.STORED: _("stored"),
    GenerationOutcome.DUPLICATE_TEXT: _("the same text as another candidate"),
    GenerationOutcome.EMPTY: _("an empty text"),
    GenerationOutcome.TRUNCATED: _("cut off in the middle"),
    GenerationOutcome.TIMED_OUT: _("took too long"),
    GenerationOutcome.RATE_LIMITED: _("the server wants fewer requests"),
    GenerationOutcome.SERVER_ERROR: _("the server failed"),
    GenerationOutcome.REFUSED_BY_SERVER: _("the server refused"),
    GenerationOutcome.BAD_ANSWER: _("an answer that cannot be read"),
    GenerationOutcome.UNREACHABLE: _("the server cannot be reached"),
    GenerationOutcome.WORKER_LOST: _("the worker was lost"),
}
ENGINES: dict[str, str | Promise] = {
    Engine.OPENAI.value: _("A server that speaks OpenAI's API"),
    Engine.TRANSFORMERS.value: _("A model in a worker of this site"),
}
