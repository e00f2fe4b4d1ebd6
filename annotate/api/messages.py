"""What one does with a message besides the work one is offered: react, report, label, revise; and help while writing."""

from __future__ import annotations

from dataclasses import asdict

from django.urls import path
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import get_campaign_for, reader_of, require_annotator
from annotate.api.reading_shapes import (
    ProposalQuery,
    ProposalShape,
    ProposalStateShape,
    ReactionBody,
    ReactionsShape,
    ReportBody,
    ReportShape,
    ReviseBody,
    RevisedShape,
    VoteBody,
)
from annotate.api.schema import operation
from annotate.api.serializers import NoInput, page_of, read_body, read_cursor, read_query, write_cursor
from annotate.api.views import ApiView
from annotate.api.work import ANNOTATING, WorkView
from annotate.api.work_shapes import AssignmentShape
from annotate.api.writing_shapes import CheckBody, WritingHelpShape
from annotate.queries.proposals import list_proposals
from annotate.services.label_choice import choose_label
from annotate.services.reactions import react
from annotate.services.reports import report_message, take_back_report
from annotate.services.revision_votes import vote_on_proposal, withdraw_proposal
from annotate.services.revisions import revise_message
from annotate.services.writing_help import check_text
from tasks.vocabulary import ProposalState

GONE = "`message_removed`: it, or what it answers, was taken away."


class ReactionView(WorkView):
    @operation(
        "react_to_message",
        summary="React to a message, or take a reaction back",
        request=ReactionBody,
        responses={200: ReactionsShape},
        errors={404: "`message_not_found`.", 409: "`own_text`.", 410: GONE},
        scopes=ANNOTATING,
        tag="messages",
    )
    def post(self, request: Request, message: int) -> Response:
        """Thumbs up and thumbs down exclude each other. Counts are shown once you have reacted."""
        require_annotator(self.actor)
        body = read_body(request, ReactionBody)
        shown = react(reader=reader_of(self.actor), message_id=message, now=timezone.now(), **body)
        return Response(asdict(shown))


class ReportView(WorkView):
    @operation(
        "report_message",
        summary="Report a message to the moderators",
        request=ReportBody,
        responses={200: ReportShape},
        errors={404: "`message_not_found`.", 409: "`own_text`.", 410: GONE, 413: "`note_too_long`.",
                422: "`note_required` for `other`."},
        scopes=ANNOTATING,
        tag="messages",
    )  # fmt: skip
    def post(self, request: Request, message: int) -> Response:
        """Again while nobody has looked: it changes your report."""
        require_annotator(self.actor)
        body = read_body(request, ReportBody)
        report = report_message(reader=reader_of(self.actor), message_id=message, now=timezone.now(), **body)
        return Response({"id": report})

    @operation(
        "withdraw_report",
        summary="Take your open report of a message back",
        responses={204: None},
        scopes=ANNOTATING,
        tag="messages",
    )
    def delete(self, request: Request, message: int) -> Response:
        require_annotator(self.actor)
        take_back_report(reader=reader_of(self.actor), message_id=message)
        return Response(status=204)


class LabelView(WorkView):
    @operation(
        "choose_label",
        summary="Take any message to label",
        request=NoInput,
        responses={200: AssignmentShape},
        errors={404: "`message_not_found`.",
                409: "`own_text`, `already_judged`, `kind_not_wanted`, `no_questions`, `campaign_not_open`, `capped`, …",
                410: GONE},
        scopes=ANNOTATING,
        tag="messages",
    )  # fmt: skip
    def post(self, request: Request, message: int) -> Response:
        """An assignment, to be submitted like any other; where enough others have labelled it, as surplus."""
        require_annotator(self.actor)
        read_body(request, NoInput)
        return Response(choose_label(reader=reader_of(self.actor), message_id=message, now=timezone.now()))


class ReviseView(WorkView):
    @operation(
        "revise_message",
        summary="Fix your own text, or propose a better one",
        request=ReviseBody,
        responses={200: RevisedShape},
        errors={404: "`message_not_found`.",
                409: "`revision_moved`, `text_unchanged`, `text_duplicate`, `proposal_open`, `campaign_not_open`.",
                410: GONE, 413: "`text_too_long`, `reason_too_long`."},
        scopes=ANNOTATING,
        tag="messages",
    )  # fmt: skip
    def post(self, request: Request, message: int) -> Response:
        """Your own is changed at once until others have begun with it; else it is a proposal."""
        require_annotator(self.actor)
        body = read_body(request, ReviseBody)
        done = revise_message(reader=reader_of(self.actor), message_id=message, now=timezone.now(), **body)
        return Response(asdict(done))


class ProposalsView(ApiView):
    @operation(
        "list_proposals",
        summary="Proposed revisions of a campaign",
        query=ProposalQuery,
        responses={200: page_of(ProposalShape)},
        tag="messages",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Of messages that you may read, and your own; newest first."""
        campaign = get_campaign_for(self.actor, slug)
        query = read_query(request, ProposalQuery)
        page = list_proposals(
            campaign_id=campaign.pk,
            reader=reader_of(self.actor),
            state=query["state"],
            message_id=query.get("message"),
            before=read_cursor(query["cursor"]) if "cursor" in query else None,
            limit=query["limit"],
        )
        last = page.next_before
        rows = [asdict(proposal) for proposal in page.proposals]
        return Response({"results": rows, "next": None if last is None else write_cursor(last)})


class VoteView(WorkView):
    @operation(
        "vote_on_proposal",
        summary="Say whether a proposed revision is better",
        request=VoteBody,
        responses={200: ProposalStateShape},
        errors={403: "`reviewers_only`, `account_needed`, `suspended`.", 404: "`proposal_not_found`.",
                409: "`proposal_decided`, `own_proposal`, `revision_moved`, `text_duplicate`.", 410: GONE},
        scopes=ANNOTATING,
        tag="messages",
    )  # fmt: skip
    def post(self, request: Request, proposal: int) -> Response:
        """On an author's own proposal two reviewers who agree decide, on others' the author; a moderator decides alone."""
        require_annotator(self.actor)
        agrees = read_body(request, VoteBody)["agrees"]
        state = vote_on_proposal(actor=self.actor, proposal_id=proposal, agrees=agrees, now=timezone.now())
        return Response({"id": proposal, "state": state})


class WithdrawProposalView(WorkView):
    @operation(
        "withdraw_proposal",
        summary="Take back what you proposed",
        request=NoInput,
        responses={200: ProposalStateShape},
        errors={404: "`proposal_not_found`.", 409: "`proposal_decided`."},
        scopes=ANNOTATING,
        tag="messages",
    )
    def post(self, request: Request, proposal: int) -> Response:
        require_annotator(self.actor)
        read_body(request, NoInput)
        withdraw_proposal(reader=reader_of(self.actor), proposal_id=proposal, now=timezone.now())
        return Response({"id": proposal, "state": ProposalState.WITHDRAWN})


class CheckTextView(ApiView):
    @operation(
        "check_text",
        summary="Help while writing: length, language, what is there already",
        request=CheckBody,
        responses={200: WritingHelpShape},
        errors={422: "`no_writing`, `unknown_language`."},
        scopes=ANNOTATING,
        tag="work",
    )
    def post(self, request: Request, slug: str) -> Response:
        """Reads only, and blocks nothing. At most 60 a minute."""
        annotator_id = require_annotator(self.actor)
        campaign = get_campaign_for(self.actor, slug)
        body = read_body(request, CheckBody)
        body.setdefault("language", campaign.languages[0])
        return Response(asdict(check_text(campaign=campaign, annotator_id=annotator_id, **body)))


urlpatterns = [
    path("messages/<int:message>/reactions/", ReactionView.as_view(), name="react_to_message"),
    path("messages/<int:message>/report/", ReportView.as_view(), name="report_message"),
    path("messages/<int:message>/label/", LabelView.as_view(), name="choose_label"),
    path("messages/<int:message>/revise/", ReviseView.as_view(), name="revise_message"),
    path("campaigns/<slug:slug>/revisions/", ProposalsView.as_view(), name="list_proposals"),
    path("revisions/<int:proposal>/vote/", VoteView.as_view(), name="vote_on_proposal"),
    path("revisions/<int:proposal>/withdraw/", WithdrawProposalView.as_view(), name="withdraw_proposal"),
    path("campaigns/<slug:slug>/check-text/", CheckTextView.as_view(), name="check_text"),
]
