"""Signs of manipulation, for those who run a campaign: listed with their evidence, upheld or dismissed with a reason."""

from __future__ import annotations

from typing import Any

from django.urls import path
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import get_campaign_for
from annotate.api.schema import operation
from annotate.api.serializers import (
    PageQuery,
    StrictSerializer,
    page_of,
    read_body,
    read_cursor,
    read_query,
    write_cursor,
)
from annotate.api.views import ApiView
from annotate.models import words
from annotate.queries.findings import list_findings
from annotate.queries.rows import Row
from annotate.services.findings import MAX_NOTE_CHARS, decide_finding
from tasks.vocabulary import CampaignRole, FindingState, Scope

LOOKING = (Scope.READ, Scope.ORGANIZE)
TOLD = (
    "id", "annotator", "is_guest", "is_suspended", "kind", "state", "strength", "evidence", "others", "found_at", "seen_at",
    "decided_at", "reason",
)  # fmt: skip


class FindingsQuery(PageQuery):
    """A page of findings in one state, by id."""

    state = serializers.ChoiceField(
        [state.value for state in FindingState],
        required=False,
        default=FindingState.OPEN.value,
        help_text="gone: later ballots made it go away before anybody decided.",
    )


class FindingEntry(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    annotator = serializers.IntegerField(help_text="Their id, as in the list of annotators.")
    name = serializers.CharField(allow_null=True, help_text="The name that the account gave itself.")
    is_guest = serializers.BooleanField()
    is_suspended = serializers.BooleanField()
    kind = serializers.ChoiceField(choices=words.finding_kinds())
    state = serializers.ChoiceField(choices=words.finding_states())
    strength = serializers.FloatField(
        help_text="At most one honest person in 10 to this power would come so far by chance, however often it is looked at."
    )
    evidence = serializers.DictField(
        help_text="`n` observations, what was `observed` and what honest work is `expected` to reach, the `judgments` that "
        "show it best, and figures of the kind."
    )
    others = serializers.ListField(child=serializers.IntegerField(), help_text="Whose ballots go with these.")
    found_at = serializers.DateTimeField()
    seen_at = serializers.DateTimeField(help_text="When it was found last.")
    decided_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField(allow_blank=True, help_text="Of the decision.")


class DecisionBody(StrictSerializer):
    decision = serializers.ChoiceField(["uphold", "dismiss"])
    reason = serializers.CharField(max_length=MAX_NOTE_CHARS, help_text="Why: kept in the audit.")


class Decided(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=words.finding_states())
    decided_at = serializers.DateTimeField()


class Findings(ApiView):
    @operation(
        "list_findings",
        summary="Signs of manipulation in the rankings of a campaign",
        query=FindingsQuery,
        responses={200: page_of(FindingEntry)},
        scopes=LOOKING,
        tag="moderation",
    )
    def get(self, request: Request, slug: str) -> Response:
        """A sign proves nothing: look at the judgments. Looked for about once an hour. Needs the role of moderator."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.MODERATOR)
        asked = read_query(request, FindingsQuery)
        rows = list_findings(
            campaign_id=campaign.pk,
            state=asked["state"],
            by_id=True,
            after=read_cursor(asked["cursor"]) if "cursor" in asked else 0,
            limit=asked["limit"] + 1,
        )
        page = rows[: asked["limit"]]
        following = write_cursor(page[-1]["id"]) if len(rows) > len(page) else None
        return Response({"results": [_present(row) for row in page], "next": following})


class DecideFinding(ApiView):
    @operation(
        "decide_finding",
        summary="Uphold a finding or dismiss it",
        request=DecisionBody,
        responses={200: Decided},
        errors={
            403: "`own_finding`: it is about your own work.",
            404: "`finding_not_found`.",
            409: "`finding_gone`: later ballots made it go away; `decided_already`: it is in that state.",
        },
        scopes=(Scope.ORGANIZE,),
        tag="moderation",
    )
    def post(self, request: Request, slug: str, finding: int) -> Response:
        """Upheld: the person's rankings count for nothing where the campaign weighs them; nothing is deleted. Dismissed: it
        comes back only when the evidence has grown by half. A decision may be changed. Needs the role of moderator.
        """
        campaign = get_campaign_for(self.actor, slug, CampaignRole.MODERATOR)
        body = read_body(request, DecisionBody)
        decided = decide_finding(
            campaign=campaign,
            finding_id=finding,
            upholds=body["decision"] == "uphold",
            reason=body["reason"],
            actor=self.actor,
            now=timezone.now(),
        )
        return Response({"id": decided.pk, "state": decided.state, "decided_at": decided.decided_at})


def _present(row: Row) -> dict[str, Any]:
    return {"name": row["display_name"] or None, **{name: row[name] for name in TOLD}}


urlpatterns = [
    path("campaigns/<slug:slug>/findings/", Findings.as_view(), name="findings"),
    path("campaigns/<slug:slug>/findings/<int:finding>/decide/", DecideFinding.as_view(), name="decide_finding"),
]
