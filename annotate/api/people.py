"""People: who I am, my languages, the terms and my consent, my tokens; guests and their merging."""

from __future__ import annotations

from typing import Any

from django.urls import path
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import require_account, require_annotator
from annotate.api.people_shapes import (
    ConsentBody,
    ConsentShape,
    GuestBody,
    GuestShape,
    LanguagesShape,
    MergeBody,
    MergeShape,
    NewTokenShape,
    PersonShape,
    ProfileBody,
    TermsShape,
    TokenBody,
    TokenShape,
)
from annotate.api.schema import operation
from annotate.api.serializers import PageQuery, page_of, read_body, read_query, take_page
from annotate.api.throttles import CallThrottle, GuestThrottle
from annotate.api.views import ApiView
from annotate.queries.people import describe_consent, describe_person, list_languages, list_tokens
from annotate.services.guests import create_guest, merge_guest
from annotate.services.people import set_languages, update_profile
from annotate.services.terms import accept_terms, get_current_terms, withdraw_consent
from annotate.services.tokens import create_token, revoke_token
from tasks.vocabulary import Scope

MINE = (Scope.ANNOTATE, Scope.ORGANIZE)


class Me(ApiView):
    @operation("show_me", summary="Who I am, and what this token may do", responses={200: PersonShape}, tag="people")
    def get(self, request: Request) -> Response:
        """For accounts and for guests."""
        return Response(_describe_me(self))

    @operation(
        "update_me",
        summary="Change what I say about myself",
        request=ProfileBody,
        responses={200: PersonShape},
        scopes=MINE,
        tag="people",
    )
    def patch(self, request: Request) -> Response:
        """What is left out stays as it is. Guests have no profile."""
        update_profile(user=require_account(self.actor), **read_body(request, ProfileBody))
        return Response(_describe_me(self))


class MyLanguages(ApiView):
    @operation("list_my_languages", summary="Languages I work in", responses={200: LanguagesShape}, tag="people")
    def get(self, request: Request) -> Response:
        """None means any language of a campaign."""
        return Response({"languages": list_languages(annotator_id=require_annotator(self.actor))})

    @operation(
        "set_my_languages",
        summary="Replace the languages I work in",
        request=LanguagesShape,
        responses={200: LanguagesShape},
        scopes=MINE,
        tag="people",
    )
    def put(self, request: Request) -> Response:
        """Codes such as `en`, `de` or `pt-BR`; an empty list means any language of a campaign."""
        wanted = read_body(request, LanguagesShape)["languages"]
        return Response({"languages": set_languages(annotator_id=require_annotator(self.actor), languages=wanted)})


class CurrentTerms(ApiView):
    @operation("show_terms", summary="The terms in force", responses={200: TermsShape}, public=True, tag="people")
    def get(self, request: Request) -> Response:
        """Read them, and accept them with `POST me/consent/`."""
        return Response(_describe_terms())


class MyConsent(ApiView):
    @operation("show_my_consent", summary="The terms, and what I accepted", responses={200: ConsentShape}, tag="people")
    def get(self, request: Request) -> Response:
        """Every version that was ever accepted, and when it was withdrawn."""
        return Response(_describe_consent(require_annotator(self.actor)))

    @operation(
        "accept_terms",
        summary="Accept the terms in force",
        request=ConsentBody,
        responses={200: ConsentShape},
        scopes=MINE,
        tag="people",
    )
    def post(self, request: Request) -> Response:
        """No work is offered before. Accepting them again changes nothing."""
        annotator_id = require_annotator(self.actor)
        version = read_body(request, ConsentBody)["terms_version"]
        accept_terms(annotator_id=annotator_id, terms_version=version, now=timezone.now())
        return Response(_describe_consent(annotator_id))

    @operation("withdraw_consent", summary="Withdraw my consent", responses={204: None}, scopes=MINE, tag="people")
    def delete(self, request: Request) -> Response:
        """From now on no work is offered, and nothing more of mine enters a release."""
        withdraw_consent(annotator_id=require_annotator(self.actor), now=timezone.now())
        return Response(status=204)


class Tokens(ApiView):
    @operation(
        "list_tokens",
        summary="My tokens, newest first",
        query=PageQuery,
        responses={200: page_of(TokenShape)},
        tag="people",
    )
    def get(self, request: Request) -> Response:
        """Without their texts, which are shown once, when a token is made."""
        asked = read_query(request, PageQuery)
        rows, following = take_page(list_tokens(user=require_account(self.actor)), **asked)
        return Response({"results": TokenShape(rows, many=True).data, "next": following})

    @operation(
        "create_token",
        summary="Make a token",
        request=TokenBody,
        responses={201: NewTokenShape},
        scopes=MINE,
        tag="people",
    )
    def post(self, request: Request) -> Response:
        """`token` is its text: it is shown this once. A token can make one with its own scopes at most."""
        wanted = {"expires_at": None, "name": "", **read_body(request, TokenBody)}
        user = require_account(self.actor)
        token, text = create_token(user=user, actor=self.actor, now=timezone.now(), **wanted)
        return Response({**TokenShape(token).data, "token": text}, status=201)


class OneToken(ApiView):
    @operation("revoke_token", summary="Revoke a token of mine", responses={204: None}, scopes=MINE, tag="people")
    def delete(self, request: Request, token: int) -> Response:
        """It ends at once. Revoking it again changes nothing."""
        revoke_token(user=require_account(self.actor), token_id=token, actor=self.actor, now=timezone.now())
        return Response(status=204)


class Guests(ApiView):
    throttle_classes = (CallThrottle, GuestThrottle)

    @operation(
        "create_guest",
        summary="Take part without an account",
        request=GuestBody,
        responses={201: GuestShape},
        errors={403: "`guests_not_allowed`: no campaign takes guests now."},
        public=True,
        tag="people",
    )
    def post(self, request: Request) -> Response:
        """`device_token` is shown this once: keep it on the device, and send it as `Authorization: Bearer`."""
        asked = {"languages": (), **read_body(request, GuestBody)}
        guest, text = create_guest(now=timezone.now(), **asked)
        languages = list_languages(annotator_id=guest.pk)
        return Response({"device_token": text, "languages": languages, "scopes": ["annotate"]}, status=201)


class GuestMerging(ApiView):
    @operation(
        "merge_guest",
        summary="Make what a guest gave mine",
        request=MergeBody,
        responses={200: MergeShape},
        errors={409: "`guest_merged`: into another account.", 404: "`guest_not_found`."},
        scopes=(Scope.ANNOTATE,),
        tag="people",
    )
    def post(self, request: Request) -> Response:
        """Where both judged the same unit mine stays. The guest's token ends; merging again changes nothing."""
        require_account(self.actor)
        asked = read_body(request, MergeBody)
        merge = merge_guest(annotator_id=require_annotator(self.actor), now=timezone.now(), **asked)
        return Response({"moved": merge.moved, "voided": merge.voided, "released": merge.released})


def _describe_me(view: ApiView) -> dict[str, Any]:
    actor = view.actor
    return {
        **describe_person(user=actor.user, annotator_id=require_annotator(actor)),
        "scopes": sorted(actor.effective_scopes),
        "terms": {"accepted": actor.accepted_terms or None, "current": get_current_terms().version},
    }


def _describe_terms() -> dict[str, str]:
    terms = get_current_terms()
    return {"version": terms.version, "summary": terms.summary, "text": terms.text}


def _describe_consent(annotator_id: int) -> dict[str, Any]:
    return {"current": _describe_terms(), **describe_consent(annotator_id=annotator_id)}


urlpatterns = [
    path("me/", Me.as_view(), name="me"),
    path("me/languages/", MyLanguages.as_view(), name="my_languages"),
    path("me/consent/", MyConsent.as_view(), name="my_consent"),
    path("me/merge-guest/", GuestMerging.as_view(), name="merge_guest"),
    path("terms/", CurrentTerms.as_view(), name="terms"),
    path("tokens/", Tokens.as_view(), name="tokens"),
    path("tokens/<int:token>/", OneToken.as_view(), name="token"),
    path("guests/", Guests.as_view(), name="guests"),
]
