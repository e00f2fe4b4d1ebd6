"""What one has judged of late: undo it, or withdraw it for good."""

from __future__ import annotations

from django.urls import path
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import require_annotator
from annotate.api.schema import operation
from annotate.api.serializers import NoInput, read_body
from annotate.api.views import ApiView
from annotate.api.work import ANNOTATING, WorkView
from annotate.api.work_shapes import AssignmentShape, UndoableList
from annotate.queries.presentation import format_time
from annotate.services.undo import list_undoable, undo_judgment, withdraw_judgment


class JudgmentsView(ApiView):
    @operation(
        "list_undoable",
        summary="Your last ten judgments, newest first",
        responses={200: UndoableList},
        scopes=ANNOTATING,
        tag="work",
    )
    def get(self, request: Request) -> Response:
        rows = list_undoable(annotator_id=require_annotator(self.actor))
        return Response(
            {
                "results": [
                    {
                        "id": row["id"],
                        "assignment": row["assignment_id"],
                        "kind": row["kind"],
                        "created_at": format_time(row["created_at"]),
                    }
                    for row in rows
                ]
            }
        )


class UndoView(WorkView):
    @operation(
        "undo_judgment",
        summary="Take back one of your last ten judgments",
        request=NoInput,
        responses={200: AssignmentShape},
        errors={
            409: "`sealed`: in a release; `too_old`; `tree_moved_on`: others built on it; `tree_ended`: everybody reads what "
            "others said; `answer_was_told`; `withdrawn`."
        },
        scopes=ANNOTATING,
        tag="work",
    )
    def post(self, request: Request, judgment: int) -> Response:
        """The work is yours again, with your answer as its draft."""
        read_body(request, NoInput)
        return Response(
            undo_judgment(annotator_id=require_annotator(self.actor), judgment_id=judgment, now=timezone.now())
        )


class WithdrawView(WorkView):
    @operation(
        "withdraw_judgment",
        summary="Withdraw a judgment for good, whatever its age",
        request=NoInput,
        responses={204: None},
        scopes=ANNOTATING,
        tag="work",
    )
    def post(self, request: Request, judgment: int) -> Response:
        read_body(request, NoInput)
        withdraw_judgment(annotator_id=require_annotator(self.actor), judgment_id=judgment, now=timezone.now())
        return Response(status=204)


urlpatterns = [
    path("judgments/", JudgmentsView.as_view(), name="list_undoable"),
    path("judgments/<int:judgment>/undo/", UndoView.as_view(), name="undo_judgment"),
    path("judgments/<int:judgment>/withdraw/", WithdrawView.as_view(), name="withdraw_judgment"),
]
