"""What the API takes and answers about people."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from annotate.api.serializers import StrictSerializer
from tasks.text.languages import MAX_LANGUAGE_CHARS
from tasks.vocabulary import CampaignRole, Scope

SCOPES = [scope.value for scope in Scope]


class MyRole(serializers.Serializer[Any]):
    campaign = serializers.CharField(help_text="The campaign's slug.")
    role = serializers.ChoiceField([role.value for role in CampaignRole])


class TermsState(serializers.Serializer[Any]):
    accepted = serializers.CharField(allow_null=True, help_text="The version in force for me; null: none.")
    current = serializers.CharField(help_text="The version that is asked for now.")


class PersonShape(serializers.Serializer[Any]):
    id = serializers.IntegerField(allow_null=True, help_text="Of the account; null for a guest.")
    email = serializers.CharField(allow_null=True)
    display_name = serializers.CharField(allow_blank=True)
    interface_language = serializers.CharField()
    is_guest = serializers.BooleanField()
    is_administrator = serializers.BooleanField()
    is_suspended = serializers.BooleanField()
    languages = serializers.ListField(child=serializers.CharField(), help_text="None: any language of a campaign.")
    roles = MyRole(many=True)
    scopes = serializers.ListField(child=serializers.ChoiceField(SCOPES), help_text="What this token may do.")
    terms = TermsState()


class ProfileBody(StrictSerializer):
    display_name = serializers.CharField(required=False, allow_blank=True, max_length=80)
    interface_language = serializers.CharField(required=False, max_length=MAX_LANGUAGE_CHARS)


class LanguagesShape(StrictSerializer):
    languages = serializers.ListField(child=serializers.CharField(max_length=MAX_LANGUAGE_CHARS), max_length=40)


class TermsShape(serializers.Serializer[Any]):
    version = serializers.CharField()
    summary = serializers.CharField(help_text="One line.")
    text = serializers.CharField(help_text="In full.")


class GivenConsent(serializers.Serializer[Any]):
    terms_version = serializers.CharField()
    accepted_at = serializers.DateTimeField()
    withdrawn_at = serializers.DateTimeField(allow_null=True)


class ConsentShape(serializers.Serializer[Any]):
    current = TermsShape()
    accepted = serializers.CharField(allow_null=True, help_text="The version in force for me; null: none.")
    given = GivenConsent(many=True)


class ConsentBody(StrictSerializer):
    terms_version = serializers.CharField(max_length=32)


class TokenShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField(allow_blank=True)
    hint = serializers.CharField(help_text="How its random part begins.")
    scopes = serializers.ListField(child=serializers.ChoiceField(SCOPES))
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="To the minute.")
    revoked_at = serializers.DateTimeField(allow_null=True)


class NewTokenShape(TokenShape):
    token = serializers.CharField(help_text="The text of the token. It is shown this once.")


class TokenBody(StrictSerializer):
    name = serializers.CharField(required=False, allow_blank=True, max_length=80, help_text="What it is for.")
    scopes = serializers.ListField(child=serializers.ChoiceField(SCOPES), min_length=1, max_length=len(SCOPES))
    expires_at = serializers.DateTimeField(required=False, allow_null=True, help_text="Null: when it is revoked.")


class GuestBody(StrictSerializer):
    languages = serializers.ListField(
        child=serializers.CharField(max_length=MAX_LANGUAGE_CHARS), required=False, max_length=40
    )
    terms_version = serializers.CharField(max_length=32, help_text="Of the terms in force: see `GET terms/`.")


class GuestShape(serializers.Serializer[Any]):
    device_token = serializers.CharField(help_text="It is shown this once.")
    languages = serializers.ListField(child=serializers.CharField())
    scopes = serializers.ListField(child=serializers.ChoiceField(SCOPES))


class MergeBody(StrictSerializer):
    device_token = serializers.CharField(max_length=100)


class MergeShape(serializers.Serializer[Any]):
    moved = serializers.IntegerField(help_text="Judgments that are mine now.")
    voided = serializers.IntegerField(help_text="Judgments that no longer stand: I had my own, or it is my own work.")
    released = serializers.IntegerField(help_text="Holds of the guest that went back.")
