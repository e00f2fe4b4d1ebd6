"""What the API takes and answers about campaigns.

Bodies of campaigns are described here and read by `services.campaign_files`, which checks them as it checks a
file: every problem at once, each at its place.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from annotate.api.serializers import PageQuery, StrictSerializer
from tasks.records.parameters import BOOLEAN, CHOICES, FORMS, FRACTIONAL, NAMES, RANGES
from tasks.text.languages import MAX_LANGUAGE_CHARS
from tasks.vocabulary import (
    CampaignRole,
    CampaignState,
    Kind,
    MessageRole,
    OutputTerms,
    Preset,
    ReleaseSchedule,
    TargetAxis,
    Widget,
)

STATES = [state.value for state in CampaignState]
KINDS = [kind.value for kind in Kind]
ROLES = [role.value for role in CampaignRole]
TERMS = [terms.value for terms in OutputTerms]
MAX_VERSION = 2**31 - 1
MAX_REASON_CHARS = 2_000


def _parameter(name: str) -> serializers.Field[Any, Any, Any, Any]:
    """A parameter as a field: its type, range and whether null says something."""
    if name in BOOLEAN:
        return serializers.BooleanField(required=False)
    if name in CHOICES:
        words = [word for word in CHOICES[name] if word is not None]
        return serializers.ChoiceField(words, required=False, allow_null=None in CHOICES[name])
    if name in FORMS:
        return serializers.RegexField(rf"^(?:{FORMS[name][0]})$", required=False, max_length=200)
    allowed = RANGES[name]
    given: dict[str, Any] = {"required": False, "allow_null": allowed.optional}
    if name in FRACTIONAL:
        return serializers.FloatField(min_value=allowed.low, max_value=allowed.high, **given)
    return serializers.IntegerField(min_value=int(allowed.low), max_value=int(allowed.high), **given)


ParametersBody = type("ParametersBody", (StrictSerializer,), {name: _parameter(name) for name in NAMES})


class AnchorShape(StrictSerializer):
    value = serializers.FloatField(min_value=0, max_value=1)
    title = serializers.CharField(max_length=160)


class DimensionBody(StrictSerializer):
    name = serializers.RegexField(r"^[a-z0-9_]*[a-z0-9][a-z0-9_]*$", max_length=40)
    title = serializers.CharField(max_length=160)
    widget = serializers.ChoiceField([widget.value for widget in Widget])
    applies_to = serializers.ListField(
        child=serializers.ChoiceField([role.value for role in MessageRole]),
        required=False,
        min_length=1,
        max_length=len(MessageRole),
        help_text="Prompts (`prompter`), replies (`assistant`), or both, which is what leaving it out means.",
    )
    anchors = serializers.ListField(
        child=AnchorShape(),
        required=False,
        max_length=11,
        help_text="Of a scale: two or more, rising from one to the next.",
    )
    mandatory = serializers.BooleanField(required=False)
    simple = serializers.BooleanField(
        required=False, help_text="Asked in the simple form of a review too. What is mandatory is in every form."
    )


class LabelSchemaBody(StrictSerializer):
    dimensions = serializers.ListField(child=DimensionBody(), min_length=1, max_length=60)


class ExampleShape(StrictSerializer):
    title = serializers.CharField(required=False, max_length=20_000)
    prompt = serializers.CharField(required=False, max_length=20_000)
    better = serializers.CharField(required=False, max_length=20_000)
    worse = serializers.CharField(required=False, max_length=20_000)
    text = serializers.CharField(required=False, max_length=20_000)
    why = serializers.CharField(required=False, max_length=20_000)


class GuidelineBody(StrictSerializer):
    text = serializers.CharField(max_length=50_000, help_text="Markdown.")
    examples = serializers.ListField(child=ExampleShape(), required=False, max_length=50)


class TargetShape(StrictSerializer):
    language = serializers.CharField()
    topic = serializers.CharField(required=False, allow_blank=True, max_length=80, help_text="Empty: any.")
    judgments = serializers.IntegerField(min_value=1, max_value=1_000_000_000)


class ShareShape(StrictSerializer):
    axis = serializers.ChoiceField([axis.value for axis in TargetAxis])
    value = serializers.CharField(
        max_length=80,
        help_text="A language, the number of a topic, a difficulty, a length (short, middle, long) or a tag.",
    )
    share = serializers.FloatField(min_value=0, max_value=1)


FOR_VARIETY = "It is asked only where the candidates of the others are too much alike, with `ask_variety`."


class GeneratorUseShape(StrictSerializer):
    name = serializers.CharField(max_length=120, help_text="A generator of the site.")
    samples = serializers.IntegerField(required=False, min_value=1, max_value=16)
    for_variety = serializers.BooleanField(required=False, help_text=FOR_VARIETY)


class ReleasePlanBody(StrictSerializer):
    schedule = serializers.ChoiceField(
        [schedule.value for schedule in ReleaseSchedule],
        required=False,
        allow_null=True,
        help_text="Null: only on demand.",
    )
    target = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=1_000_000_000,
        help_text="With the schedule `target`: at how many judgments.",
    )


class _CampaignFields(ParametersBody):  # type: ignore[misc,valid-type]  # a class made from the parameters
    """What can be said of a campaign. Parameters stand on top, or under `parameters`."""

    title = serializers.CharField(required=False, max_length=160)
    purpose = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    licence = serializers.RegexField(r"^[A-Za-z0-9][A-Za-z0-9.+-]*$", required=False, max_length=64, help_text="SPDX.")
    allow_guests = serializers.BooleanField(required=False)
    languages = serializers.ListField(child=serializers.CharField(), required=False, min_length=1, max_length=200)
    kinds = serializers.ListField(
        child=serializers.ChoiceField(KINDS), required=False, min_length=1, max_length=len(KINDS)
    )
    parameters = ParametersBody(required=False)
    guideline = GuidelineBody(required=False)
    label_schema = LabelSchemaBody(required=False)
    targets = serializers.ListField(child=TargetShape(), required=False, max_length=5_000)
    shares = serializers.ListField(
        child=ShareShape(),
        required=False,
        max_length=1_000,
        help_text="Of an axis 1 together at most; the rest is left to its other values. Replaced as a whole.",
    )
    generators = serializers.ListField(child=GeneratorUseShape(), required=False, max_length=20)
    output_terms = serializers.ListField(
        child=serializers.ChoiceField(TERMS),
        required=False,
        max_length=len(TERMS),
        help_text="Only generators whose outputs come under one of these terms. Empty: any.",
    )
    model_licences = serializers.ListField(
        child=serializers.RegexField(r"^[A-Za-z0-9][A-Za-z0-9.+-]*$", max_length=80),
        required=False,
        max_length=40,
        help_text="Only generators whose model has one of these licences. Empty: any.",
    )
    release = ReleasePlanBody(required=False)
    state = serializers.ChoiceField(STATES, required=False)
    reason = serializers.CharField(
        required=False, allow_blank=True, max_length=MAX_REASON_CHARS, help_text="Why, for the audit."
    )


class CampaignBody(_CampaignFields):
    slug = serializers.RegexField(r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)
    title = serializers.CharField(max_length=160)
    preset = serializers.ChoiceField([preset.value for preset in Preset])
    languages = serializers.ListField(
        child=serializers.CharField(help_text="A BCP 47 code: en, de, pt-BR."), min_length=1, max_length=200
    )


class CampaignChangeBody(_CampaignFields):
    parameters_version = serializers.IntegerField(
        required=False,
        allow_null=True,
        help_text="The version that the change was made from: refused when the parameters have changed since.",
    )


class CampaignListQuery(PageQuery):
    state = serializers.ChoiceField(STATES, required=False)
    language = serializers.CharField(required=False, max_length=MAX_LANGUAGE_CHARS)
    kind = serializers.ChoiceField(KINDS, required=False)
    mine = serializers.BooleanField(required=False, help_text="Only those in which you have a role.")


class CampaignEntry(serializers.Serializer[Any]):
    """A campaign in a list."""

    slug = serializers.CharField()
    title = serializers.CharField()
    purpose = serializers.CharField(allow_blank=True)
    licence = serializers.CharField()
    preset = serializers.ChoiceField([preset.value for preset in Preset])
    state = serializers.ChoiceField(STATES)
    languages = serializers.ListField(child=serializers.CharField())
    kinds = serializers.ListField(child=serializers.ChoiceField(KINDS))
    allow_guests = serializers.BooleanField()
    role = serializers.ChoiceField(ROLES, allow_null=True, help_text="Yours, if you have one.")
    created_at = serializers.DateTimeField()


class DimensionShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    widget = serializers.ChoiceField([widget.value for widget in Widget])
    applies_to = serializers.ListField(child=serializers.CharField())
    anchors = AnchorShape(many=True)
    mandatory = serializers.BooleanField()
    simple = serializers.BooleanField()


class GuidelineVersion(serializers.Serializer[Any]):
    version = serializers.IntegerField()
    text = serializers.CharField()
    examples = ExampleShape(many=True)
    created_at = serializers.DateTimeField()


class LabelSchemaVersion(serializers.Serializer[Any]):
    version = serializers.IntegerField()
    dimensions = DimensionShape(many=True)
    created_at = serializers.DateTimeField()


class GuidelineShape(GuidelineVersion):
    versions = serializers.ListField(child=serializers.IntegerField(), help_text="Newest first.")


class LabelSchemaShape(LabelSchemaVersion):
    versions = serializers.ListField(child=serializers.IntegerField(), help_text="Newest first.")


class TargetState(serializers.Serializer[Any]):
    language = serializers.CharField()
    topic = serializers.CharField(allow_blank=True)
    judgments = serializers.IntegerField()


class GeneratorUseState(serializers.Serializer[Any]):
    name = serializers.CharField()
    samples = serializers.IntegerField()
    for_variety = serializers.BooleanField(required=False, help_text=FOR_VARIETY)


class ReleaseState(serializers.Serializer[Any]):
    schedule = serializers.CharField(allow_null=True)
    target = serializers.IntegerField(allow_null=True)
    next_release_at = serializers.DateTimeField(allow_null=True)


class CampaignShape(CampaignEntry):
    """One campaign. `generators` is null for whoever judges: they judge blind."""

    state_changed_at = serializers.DateTimeField()
    parameters = serializers.DictField()
    parameters_version = serializers.IntegerField()
    guideline = GuidelineVersion(allow_null=True)
    label_schema = LabelSchemaVersion(allow_null=True)
    targets = TargetState(many=True)
    generators = GeneratorUseState(many=True, allow_null=True)
    output_terms = serializers.ListField(child=serializers.ChoiceField(TERMS))
    model_licences = serializers.ListField(child=serializers.CharField())
    release = ReleaseState()


class VersionQuery(StrictSerializer):
    version = serializers.IntegerField(required=False, min_value=1, max_value=MAX_VERSION, help_text="None: in force.")


class MemberBody(StrictSerializer):
    email = serializers.CharField(max_length=254, help_text="Of an account that exists.")
    role = serializers.ChoiceField(ROLES)
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=MAX_REASON_CHARS)


class MemberEntry(serializers.Serializer[Any]):
    user = serializers.IntegerField()
    name = serializers.CharField()
    email = serializers.CharField()
    role = serializers.ChoiceField(ROLES)
    since = serializers.DateTimeField()
