"""Gold items over HTTP: written, chosen, promoted and retired by organizers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import Actor, get_campaign_for
from annotate.api.campaign_shapes import MAX_REASON_CHARS
from annotate.api.campaigns import read_object, take_reason
from annotate.api.schema import operation
from annotate.api.serializers import StrictSerializer
from annotate.api.views import ApiView
from annotate.exceptions import InvalidInput, NotFound
from annotate.models import Campaign, GoldItem
from annotate.queries.gold_items import find_gold_item, list_certain, list_gold_items
from annotate.services.gold import FEWEST_BALLOTS, LEAST_CONFIDENCE, choose_gold, promote_gold, retire_gold
from annotate.services.gold_answers import MAX_EXPLANATION_CHARS
from annotate.services.gold_writing import MAX_TOPIC_CHARS, write_gold
from tasks.vocabulary import CampaignRole, GoldOrigin, Scope

MOST_LISTED = 1_000
MOST_CERTAIN = 100
CONFLICTS = (
    "`trees_grow`: what is written there could be told from what grew; `labels_decide`: labels could be told there; "
    "`prompt_is_there`, `is_gold_already`, `tree_ended`, "
    "`held_now`, `not_certain`, `still_asked`, `kind_not_wanted`."
)


class GoldBody(StrictSerializer):
    """With `prompt` a conversation is written, with `message` one that is there is chosen; with `promote` its consensus is the answer."""

    kind = serializers.CharField(required=False, help_text="`rank`, `compare` or `label`; not with `promote`.")
    message = serializers.IntegerField(required=False, help_text="A message of the campaign.")
    promote = serializers.BooleanField(required=False, help_text="Its consensus is the answer, where it is certain.")
    language = serializers.CharField(required=False, help_text="Of what is written.")
    topic = serializers.CharField(required=False, allow_blank=True, max_length=MAX_TOPIC_CHARS)
    prompt = serializers.CharField(required=False)
    reply = serializers.CharField(required=False, help_text="Written where a reply is labelled.")
    tiers = serializers.ListField(
        child=serializers.ListField(),
        required=False,
        help_text="Best first: texts that are written, or ids of replies.",
    )
    acceptable_tiers = serializers.IntegerField(required=False, allow_null=True, help_text="Null: no line is known.")
    labels = serializers.DictField(required=False, help_text="Known answers by question.")
    explanation = serializers.CharField(
        required=False, allow_blank=True, max_length=MAX_EXPLANATION_CHARS, help_text="Told to people with the answer."
    )


class RetireBody(StrictSerializer):
    reason = serializers.CharField(
        required=False, allow_blank=True, max_length=MAX_REASON_CHARS, help_text="Why, for the audit."
    )


class GoldAnswer(serializers.Serializer[Any]):
    tiers = serializers.ListField(child=serializers.ListField(child=serializers.IntegerField()), required=False)
    acceptable_tiers = serializers.IntegerField(required=False, allow_null=True)
    labels = serializers.DictField(child=serializers.FloatField(), required=False)


class GoldState(serializers.Serializer[Any]):
    """A gold item. `is_doubtful`: those who are right on other items are not on this one; look at its answer."""

    id = serializers.IntegerField()
    kind = serializers.CharField()
    language = serializers.CharField()
    origin = serializers.ChoiceField(choices=[origin.value for origin in GoldOrigin])
    answer = GoldAnswer()
    explanation = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    retired_at = serializers.DateTimeField(allow_null=True)
    message = serializers.IntegerField()
    tree = serializers.IntegerField()
    role = serializers.CharField()
    text = serializers.CharField(allow_blank=True, help_text="The beginning of the message.")
    answers = serializers.IntegerField(help_text="Judgments of it that stand.")
    good = serializers.IntegerField(help_text="Of these, by people who are right on other items.")
    score = serializers.FloatField(allow_null=True, help_text="Their mean: 1 all right, 0 all wrong.")
    good_score = serializers.FloatField(allow_null=True, help_text="The mean of those who are right on other items.")
    is_offered = serializers.BooleanField(help_text="People may be asked about it.")
    is_doubtful = serializers.BooleanField()


class GoldList(serializers.Serializer[Any]):
    results = GoldState(many=True)


class CertainState(serializers.Serializer[Any]):
    message = serializers.IntegerField()
    language = serializers.CharField()
    text = serializers.CharField()
    ballots = serializers.IntegerField()
    confidence = serializers.FloatField()
    candidates = serializers.IntegerField()


class CertainList(serializers.Serializer[Any]):
    results = CertainState(many=True)


class GoldItems(ApiView):
    @operation(
        "list_gold_items",
        summary="List gold items, with how they were answered",
        responses={200: GoldList},
        scopes=(Scope.READ, Scope.ORGANIZE),
        tag="campaigns",
    )
    def get(self, request: Request, slug: str) -> Response:
        """The newest thousand, retired ones last. Needs the role of organizer."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        return Response({"results": list_gold_items(campaign_id=campaign.pk, limit=MOST_LISTED)})

    @operation(
        "create_gold_item",
        summary="Write, choose or promote a gold item",
        request=GoldBody,
        responses={201: GoldState},
        errors={409: CONFLICTS, 410: "`subject_removed`."},
        scopes=(Scope.ORGANIZE,),
        tag="campaigns",
    )
    def post(self, request: Request, slug: str) -> Response:
        """What gold is made of asks for no ordinary work any more. Needs the role of organizer."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        item = _create(campaign, read_object(request), actor=self.actor)
        return Response(_present(campaign.pk, item.pk), status.HTTP_201_CREATED)


class CertainItems(ApiView):
    @operation(
        "list_certain",
        summary="List what could be promoted to gold, the most certain first",
        responses={200: CertainList},
        scopes=(Scope.READ, Scope.ORGANIZE),
        tag="campaigns",
    )
    def get(self, request: Request, slug: str) -> Response:
        """At most a hundred whose ordinary work is done. Needs the role of organizer."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        rows = list_certain(
            campaign_id=campaign.pk, confidence=LEAST_CONFIDENCE, ballots=FEWEST_BALLOTS, limit=MOST_CERTAIN
        )
        return Response({"results": rows})


class GoldDetail(ApiView):
    @operation(
        "get_gold_item",
        summary="Read one gold item",
        responses={200: GoldState},
        scopes=(Scope.READ, Scope.ORGANIZE),
        tag="campaigns",
    )
    def get(self, request: Request, slug: str, item: int) -> Response:
        """Needs the role of organizer."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        return Response(_present(campaign.pk, item))


class GoldRetired(ApiView):
    @operation(
        "retire_gold_item",
        summary="Offer a gold item no more, and explain it to those who answered it",
        request=RetireBody,
        responses={200: GoldState},
        scopes=(Scope.ORGANIZE,),
        tag="campaigns",
    )
    def post(self, request: Request, slug: str, item: int) -> Response:
        """Results stay. Retiring twice changes nothing. Needs the role of organizer."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        reason = take_reason(read_object(request))
        retire_gold(
            campaign=campaign, unit_id=min(item, 2**63 - 1), actor=self.actor, now=timezone.now(), reason=reason
        )
        return Response(_present(campaign.pk, item))


def _create(campaign: Campaign, body: Mapping[str, Any], *, actor: Actor) -> GoldItem:
    """By the verb that the body means."""
    unknown = sorted(set(body) - set(GoldBody().fields))
    if unknown:
        raise InvalidInput(
            _("There is no field %(name)s here.") % {"name": repr(unknown[0])[:40]},
            details={name[:40]: [_("There is no such field.")] for name in unknown[:20]},
        )
    now = timezone.now()
    if body.get("promote") is not True:
        make = write_gold if "message" not in body else choose_gold
        return make(campaign=campaign, values=body, actor=actor, now=now)
    number = body["message"] if isinstance(body.get("message"), int) else 0
    explanation = body.get("explanation", "")
    return promote_gold(campaign=campaign, message_id=number, actor=actor, now=now, explanation=explanation)


def _present(campaign_id: int, item_id: int) -> dict[str, Any]:
    found = find_gold_item(campaign_id=campaign_id, item_id=min(item_id, 2**63 - 1))
    if found is None:
        raise NotFound(
            _("This campaign has no such gold item. Look at the list of its gold items."), code="gold_not_found"
        )
    return found


urlpatterns = [
    path("campaigns/<slug:slug>/gold/", GoldItems.as_view(), name="gold_items"),
    path("campaigns/<slug:slug>/gold/certain/", CertainItems.as_view(), name="gold_certain"),
    path("campaigns/<slug:slug>/gold/<int:item>/", GoldDetail.as_view(), name="gold_item"),
    path("campaigns/<slug:slug>/gold/<int:item>/retire/", GoldRetired.as_view(), name="retire_gold_item"),
]
