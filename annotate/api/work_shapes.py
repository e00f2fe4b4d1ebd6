"""What the work's addresses take and answer."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from annotate.api.serializers import PageQuery, StrictSerializer
from tasks.vocabulary import AssignmentState, Kind, SkipReason


class NextBody(StrictSerializer):
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=list(Kind)),
        required=False,
        allow_null=True,
        max_length=100,
        help_text="Only these kinds of work; empty: any.",
    )
    languages = serializers.ListField(
        child=serializers.CharField(max_length=16),
        required=False,
        allow_null=True,
        max_length=100,
        help_text="Only these languages; empty: any.",
    )


class ThreadMessage(serializers.Serializer[Any]):
    role = serializers.CharField()
    text = serializers.CharField()


class ShownCandidate(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="A handle that means something inside this assignment only.")
    text = serializers.CharField()


class Dimension(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    widget = serializers.CharField()
    anchors = serializers.ListField(child=serializers.DictField())
    mandatory = serializers.BooleanField()


class AskedBrief(serializers.Serializer[Any]):
    """What is asked of whoever writes a prompt; null: as they like."""

    language = serializers.CharField()
    topic = serializers.CharField(allow_null=True)
    difficulty = serializers.CharField(allow_null=True)
    words = serializers.CharField(allow_null=True)
    examples = serializers.ListField(
        child=serializers.CharField(), help_text="Beginnings of prompts that are there already, not to be repeated."
    )


class Subject(serializers.Serializer[Any]):
    thread = ThreadMessage(many=True, help_text="The conversation so far; empty where one begins.")
    candidates = ShownCandidate(many=True)
    language = serializers.CharField()
    labels = Dimension(
        many=True, required=False, help_text="For kind `label`: the questions; the simple form has fewer of them."
    )
    brief = AskedBrief(
        required=False, help_text="For kinds `write_prompt` and `write_pair`, and where prompts are ranked."
    )
    original = serializers.CharField(
        required=False,
        allow_blank=True,
        help_text="For kind `improve_reply`: the reply as it is, which follows the thread.",
    )
    max_chars = serializers.IntegerField(required=False, help_text="For writing: the longest text that is taken.")


class AssignmentShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    kind = serializers.CharField()
    campaign = serializers.CharField()
    unit = serializers.CharField(help_text="Opaque: the same unit has the same name for everybody.")
    state = serializers.CharField()
    reason = serializers.CharField(help_text="Why this work, in words.")
    guideline_version = serializers.IntegerField(allow_null=True)
    lease_expires_at = serializers.CharField(allow_null=True)
    draft = serializers.JSONField(allow_null=True)
    draft_version = serializers.IntegerField()
    subject = Subject()


class Nearest(serializers.Serializer[Any]):
    campaign = serializers.CharField()
    kind = serializers.CharField()
    language = serializers.CharField()
    open = serializers.IntegerField(
        required=False, help_text="How many pieces of this work wait, where that was counted; 100: as many or more."
    )


class WhyNoneShape(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    retry_at = serializers.CharField(allow_null=True)
    retry_after_seconds = serializers.IntegerField()
    nearest = Nearest(many=True)


class NextShape(serializers.Serializer[Any]):
    assignment = AssignmentShape(allow_null=True)
    why_none = WhyNoneShape(allow_null=True)


class JudgmentShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    counted = serializers.BooleanField(help_text="False: kept as surplus, above what the unit needed.")


class ToldShape(serializers.Serializer[Any]):
    """The known answer of a gold item, in the letters of the assignment; of labels, `labels` by question."""

    tiers = serializers.ListField(child=serializers.ListField(child=serializers.CharField()), allow_null=True)
    acceptable_tiers = serializers.IntegerField(allow_null=True)
    labels = serializers.DictField(child=serializers.FloatField(), allow_null=True)
    explanation = serializers.CharField(allow_blank=True)
    score = serializers.FloatField(help_text="How far the answer agrees with it: 1 all of it, 0 nothing.")


class SubmitShape(serializers.Serializer[Any]):
    judgment = JudgmentShape(allow_null=True)
    next = NextShape()
    told = ToldShape(
        required=False,
        help_text="Only where this was a gold item that the campaign explains at once; it stays as it is.",
    )


class Signals(serializers.Serializer[Any]):
    """How a text came to be, for reviewers; it blocks nobody."""

    pasted_chars = serializers.IntegerField(required=False, min_value=0)
    typed_chars = serializers.IntegerField(required=False, min_value=0)
    seconds = serializers.FloatField(required=False, min_value=0)


class SubmitBody(serializers.Serializer[Any]):
    """One object for every kind of work; which fields it takes depends on the kind of the assignment."""

    tiers = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="rank, compare: handles, best tier first.",
    )
    acceptable_tiers = serializers.IntegerField(
        required=False, allow_null=True, help_text="rank, compare: how many leading tiers are acceptable; 0: all bad."
    )
    rest_worse = serializers.BooleanField(required=False, help_text="rank: those not placed are all worse.")
    much_better = serializers.BooleanField(required=False, allow_null=True, help_text="compare: by far.")
    labels = serializers.DictField(required=False, help_text='label: dimension → value, null, or "not_applicable".')
    text = serializers.CharField(
        required=False,
        help_text="write_prompt, write_prompter_reply, write_assistant_reply, improve_reply: what is written.",
    )
    prompt = serializers.CharField(required=False, help_text="write_pair: the prompt.")
    reply = serializers.CharField(required=False, help_text="write_pair: the reply to it.")
    ends_thread = serializers.BooleanField(
        required=False, help_text="write_prompter_reply: instead of a text, the conversation is finished."
    )
    language = serializers.CharField(
        required=False, help_text="All writing: the language it is in; left out: that of the work."
    )
    signals = Signals(required=False, allow_null=True)
    rationale = serializers.CharField(required=False, allow_null=True, allow_blank=True)
    active_seconds = serializers.FloatField(required=False, allow_null=True)
    cannot_tell_reason = serializers.CharField(required=False, allow_null=True, help_text="Instead of a judgment.")


class DraftBody(StrictSerializer):
    draft = serializers.DictField(help_text="Whatever the form holds; given back as it was sent.")
    draft_version = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1, help_text="The version that this one replaces."
    )


class HoldShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    state = serializers.CharField()
    draft_version = serializers.IntegerField()
    lease_expires_at = serializers.CharField(allow_null=True)


class SkipBody(StrictSerializer):
    skip_reason = serializers.CharField(
        required=False,
        max_length=200,
        help_text=f"One of {', '.join(SkipReason)}, or words of your own.",
    )


class ReleasedShape(serializers.Serializer[Any]):
    released = serializers.IntegerField()


class AssignmentsQuery(PageQuery):
    state = serializers.ChoiceField(choices=list(AssignmentState), required=False)


class AssignmentRow(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    campaign = serializers.CharField()
    kind = serializers.CharField()
    language = serializers.CharField()
    state = serializers.CharField()
    has_draft = serializers.BooleanField()
    draft_version = serializers.IntegerField()
    lease_expires_at = serializers.CharField(allow_null=True)
    created_at = serializers.CharField()


class UndoableShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    assignment = serializers.IntegerField()
    kind = serializers.CharField()
    created_at = serializers.CharField()


class UndoableList(serializers.Serializer[Any]):
    results = UndoableShape(many=True)
