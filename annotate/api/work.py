"""Work: ask for the next piece, keep its draft, submit, skip."""

from __future__ import annotations

import random
from typing import Any

from django.urls import path
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import require_annotator
from annotate.api.schema import operation
from annotate.api.serializers import (
    NoInput,
    page_of,
    read_body,
    read_cursor,
    read_query,
    write_cursor,
)
from annotate.api.views import ApiView
from annotate.api.work_shapes import (
    AssignmentRow,
    AssignmentShape,
    AssignmentsQuery,
    DraftBody,
    HoldShape,
    NextBody,
    NextShape,
    ReleasedShape,
    SkipBody,
    SubmitBody,
    SubmitShape,
)
from annotate.exceptions import NotFound
from annotate.queries.assignments import list_assignments
from annotate.queries.presentation import get_shown, is_assignment_of
from annotate.services.claims import offer_next
from annotate.services.holds import release_holds, renew_lease, save_draft
from annotate.services.judgments import skip_assignment, submit_answer
from tasks.vocabulary import Scope, SkipReason

ANNOTATING = (Scope.ANNOTATE,)
#: Dice for the order in which candidates are shown: nobody can foresee it.
DICE = random.SystemRandom()


#: The largest number that the database can look for (a bigint).
LARGEST_ID = 2**63 - 1


class WorkView(ApiView):
    """A view of an assignment or a judgment by its id. A number larger than any id names nothing."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        for name, value in kwargs.items():
            if value > LARGEST_ID:
                raise NotFound(f"There is no such {name}. Check its number.", code=f"{name}_not_found")


class NextView(ApiView):
    @operation(
        "offer_next",
        summary="The next piece of work",
        request=NextBody,
        responses={200: NextShape},
        scopes=ANNOTATING,
        tag="work",
    )
    def post(self, request: Request, slug: str) -> Response:
        """The unit that the campaign needs most among those this person may do, or why there is none."""
        wanted = read_body(request, NextBody)
        offer = offer_next(
            annotator_id=require_annotator(self.actor),
            slug=slug,
            now=timezone.now(),
            rng=DICE,
            kinds=wanted.get("kinds") or None,
            languages=wanted.get("languages") or None,
        )
        return _answer(offer.as_answer(), offer.as_answer())


class AssignmentsView(ApiView):
    @operation(
        "list_assignments",
        summary="Your holds, drafts and what you have done",
        query=AssignmentsQuery,
        responses={200: page_of(AssignmentRow)},
        scopes=ANNOTATING,
        tag="work",
    )
    def get(self, request: Request) -> Response:
        """Newest first; `state=live` are your holds, `state=expired` what can be taken up again from its draft."""
        query = read_query(request, AssignmentsQuery)
        before = read_cursor(query["cursor"]) if "cursor" in query else None
        rows, last = list_assignments(
            annotator_id=require_annotator(self.actor), state=query.get("state"), before=before, limit=query["limit"]
        )
        return Response({"results": rows, "next": None if last is None else write_cursor(last)})


class AssignmentView(WorkView):
    @operation(
        "show_assignment",
        summary="One of your assignments, as it was shown",
        responses={200: AssignmentShape},
        scopes=ANNOTATING,
        tag="work",
    )
    def get(self, request: Request, assignment: int) -> Response:
        if not is_assignment_of(annotator_id=require_annotator(self.actor), assignment_id=assignment):
            raise NotFound("You hold no such work. Ask for the next piece.", code="assignment_not_found")
        return Response(get_shown(assignment_id=assignment))


class DraftView(WorkView):
    @operation(
        "save_draft",
        summary="Save what is typed so far, and keep the hold",
        request=DraftBody,
        responses={200: HoldShape},
        errors={409: "`draft_conflict`: another device saved first, `details` has both; `already_submitted`."},
        scopes=ANNOTATING,
        tag="work",
    )
    def put(self, request: Request, assignment: int) -> Response:
        body = read_body(request, DraftBody)
        return Response(
            save_draft(
                annotator_id=require_annotator(self.actor),
                assignment_id=assignment,
                draft=body["draft"],
                draft_version=body["draft_version"],
                now=timezone.now(),
            )
        )


class RenewView(WorkView):
    @operation(
        "renew_lease",
        summary="A sign of activity: the hold lasts its full time again",
        request=NoInput,
        responses={200: HoldShape},
        errors={409: "`hold_ended`: it was submitted or skipped."},
        scopes=ANNOTATING,
        tag="work",
    )
    def post(self, request: Request, assignment: int) -> Response:
        read_body(request, NoInput)
        return Response(
            renew_lease(annotator_id=require_annotator(self.actor), assignment_id=assignment, now=timezone.now())
        )


class SubmitView(WorkView):
    @operation(
        "submit_answer",
        summary="Submit a judgment and get the next piece of work",
        request=SubmitBody,
        responses={200: SubmitShape},
        errors={
            409: "`already_submitted` with another body, `already_judged`, `campaign_closed`, `text_duplicate`: the draft is kept.",
            413: "`text_too_long`, `rationale_too_long`: `details` has the limit.",
            422: "What was sent cannot be read: `details` names the field. For texts `text_required`, `text_empty`, "
            "`text_unchanged`, `ends_thread_with_text`, `unknown_language`, `text_has_nul`, `text_has_surrogate`, "
            "`text_has_control`, `text_has_override`, `text_has_hidden`, `text_has_stacked_marks`.",
            410: "`subject_removed`, `candidate_removed`, `withdrawn`: the draft is kept.",
        },
        scopes=ANNOTATING,
        tag="work",
    )
    def post(self, request: Request, assignment: int) -> Response:
        """The same submit again is answered the same, next work included."""
        answer = submit_answer(
            annotator_id=require_annotator(self.actor),
            assignment_id=assignment,
            body=request.data,
            now=timezone.now(),
            rng=DICE,
        )
        return _answer(answer, answer["next"])


class SkipView(WorkView):
    @operation(
        "skip_assignment",
        summary="Skip a piece of work, with a reason, and get the next",
        request=SkipBody,
        responses={200: SubmitShape},
        errors={409: "`already_submitted`: it counts; undo it instead."},
        scopes=ANNOTATING,
        tag="work",
    )
    def post(self, request: Request, assignment: int) -> Response:
        answer = skip_assignment(
            annotator_id=require_annotator(self.actor),
            assignment_id=assignment,
            skip_reason=read_body(request, SkipBody).get("skip_reason", SkipReason.OTHER),
            now=timezone.now(),
            rng=DICE,
        )
        return _answer(answer, answer["next"])


class ReleaseView(WorkView):
    @operation(
        "release_assignment",
        summary="Leave a piece of work for others; its draft is kept",
        request=NoInput,
        responses={200: ReleasedShape},
        scopes=ANNOTATING,
        tag="work",
    )
    def post(self, request: Request, assignment: int) -> Response:
        read_body(request, NoInput)
        annotator_id = require_annotator(self.actor)
        if not is_assignment_of(annotator_id=annotator_id, assignment_id=assignment):
            raise NotFound("You hold no such work. Ask for the next piece.", code="assignment_not_found")
        return Response(
            {"released": release_holds(annotator_id=annotator_id, assignment_id=assignment, now=timezone.now())}
        )


class ReleaseAllView(ApiView):
    @operation(
        "release_holds",
        summary="Leave all work you hold for others, as on sign-out",
        request=NoInput,
        responses={200: ReleasedShape},
        scopes=ANNOTATING,
        tag="work",
    )
    def post(self, request: Request) -> Response:
        read_body(request, NoInput)
        return Response({"released": release_holds(annotator_id=require_annotator(self.actor), now=timezone.now())})


def _answer(body: dict[str, Any], offered: dict[str, Any]) -> Response:
    why_none = offered["why_none"]
    headers = {} if why_none is None else {"Retry-After": str(why_none["retry_after_seconds"])}
    return Response(body, headers=headers)


urlpatterns = [
    path("campaigns/<slug:slug>/next/", NextView.as_view(), name="offer_next"),
    path("assignments/", AssignmentsView.as_view(), name="list_assignments"),
    path("assignments/release/", ReleaseAllView.as_view(), name="release_holds"),
    path("assignments/<int:assignment>/", AssignmentView.as_view(), name="show_assignment"),
    path("assignments/<int:assignment>/draft/", DraftView.as_view(), name="save_draft"),
    path("assignments/<int:assignment>/renew/", RenewView.as_view(), name="renew_lease"),
    path("assignments/<int:assignment>/submit/", SubmitView.as_view(), name="submit_answer"),
    path("assignments/<int:assignment>/skip/", SkipView.as_view(), name="skip_assignment"),
    path("assignments/<int:assignment>/release/", ReleaseView.as_view(), name="release_assignment"),
]
