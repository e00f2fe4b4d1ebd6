"""What the addresses of trees and messages take and answer."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from annotate.api.serializers import PageQuery, StrictSerializer
from annotate.queries.message_trees import MOST_MESSAGES
from tasks.text.searching import LONGEST_QUERY
from tasks.vocabulary import ProposalState, ReactionCode, ReportReason

NOT_YET = "Null: not for you before you have judged it."


class TreeQuery(StrictSerializer):
    cursor = serializers.CharField(required=False, max_length=64, help_text="The `next` of the part before.")
    limit = serializers.IntegerField(required=False, default=MOST_MESSAGES, min_value=1, max_value=MOST_MESSAGES)


class LabelAverageShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    widget = serializers.CharField()
    mean = serializers.FloatField(allow_null=True, help_text="Of the answers given, in [0, 1]; null: nobody gave one.")
    n = serializers.IntegerField(help_text="Answers given.")
    not_applicable = serializers.IntegerField()


class ReactionsShape(serializers.Serializer[Any]):
    mine = serializers.ListField(child=serializers.CharField())
    counts = serializers.DictField(
        child=serializers.IntegerField(), allow_null=True, help_text="Null until you have reacted yourself."
    )


class AuthorshipShape(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text="`you`, `volunteer`, `generator` or `import`.")
    names = serializers.ListField(child=serializers.CharField(), help_text="Of generators.")
    is_improved = serializers.BooleanField(help_text="An edit of another reply.")
    annotator_id = serializers.IntegerField(allow_null=True, help_text="For moderators and organizers alone.")
    display_name = serializers.CharField(allow_blank=True, help_text="For moderators and organizers alone.")


class TreeMessageShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    parent_id = serializers.IntegerField(allow_null=True)
    depth = serializers.IntegerField()
    role = serializers.CharField()
    text = serializers.CharField(allow_null=True, allow_blank=True, help_text="Null: it was taken away.")
    language = serializers.CharField()
    revision = serializers.IntegerField()
    is_mine = serializers.BooleanField()
    is_removed = serializers.BooleanField()
    is_withdrawn = serializers.BooleanField()
    removed_reason = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField(allow_null=True, help_text=NOT_YET)
    review = serializers.CharField(allow_null=True, help_text=NOT_YET)
    authorship = AuthorshipShape(allow_null=True, help_text=NOT_YET)
    rank = serializers.IntegerField(allow_null=True, help_text="1 is best. " + NOT_YET)
    labels = LabelAverageShape(many=True, allow_null=True, help_text=NOT_YET)
    reactions = ReactionsShape()
    is_reported = serializers.BooleanField(help_text="By you, and nobody has looked yet.")
    open_reports = serializers.IntegerField(allow_null=True, help_text="For moderators and organizers alone.")
    proposal_id = serializers.IntegerField(allow_null=True, help_text="Of the revision that is proposed.")
    my_label = serializers.IntegerField(allow_null=True, help_text="Your judgment with labels.")
    may_fix = serializers.BooleanField(help_text="Your own text, and nobody has begun with it.")
    is_told_later = serializers.BooleanField(
        help_text="You judged it and may still undo that: what others said is told when you cannot any more."
    )
    sealed_replies = serializers.IntegerField(help_text="Replies that you see once you did your work on this message.")


class TreeShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    campaign = serializers.CharField()
    language = serializers.CharField()
    topic = serializers.CharField(allow_blank=True)
    state = serializers.CharField()
    state_reason = serializers.CharField(allow_blank=True)
    state_changed_at = serializers.DateTimeField()
    goal_size = serializers.IntegerField(allow_null=True)
    message_count = serializers.IntegerField()
    is_ended = serializers.BooleanField()
    sealed = serializers.IntegerField(help_text="Messages of this part that are not for you yet.")
    messages = TreeMessageShape(many=True, help_text="Depth first.")
    next = serializers.CharField(allow_null=True, help_text="Give it as `cursor`; null on the last part.")


class MessageQuery(PageQuery):
    language = serializers.CharField(required=False, max_length=16)
    campaign = serializers.SlugField(required=False, max_length=64)


class RecentQuery(MessageQuery):
    prompts_only = serializers.BooleanField(required=False, default=False)


class SearchQuery(MessageQuery):
    q = serializers.CharField(max_length=LONGEST_QUERY, help_text="Words that must all be there, or parts of them.")


class MessageRowShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    tree_id = serializers.IntegerField()
    parent_id = serializers.IntegerField(allow_null=True)
    role = serializers.CharField()
    language = serializers.CharField()
    depth = serializers.IntegerField()
    text = serializers.CharField(allow_blank=True, help_text="Its start.")
    is_mine = serializers.BooleanField()
    is_removed = serializers.BooleanField()
    is_withdrawn = serializers.BooleanField()
    review = serializers.CharField(allow_null=True, help_text="Of your own.")
    created_at = serializers.DateTimeField(allow_null=True, help_text="Null where it could tell who wrote it.")
    tree_state = serializers.CharField()
    campaign = serializers.CharField()


class SegmentShape(serializers.Serializer[Any]):
    text = serializers.CharField()
    is_hit = serializers.BooleanField()


class FoundShape(MessageRowShape):
    snippet = SegmentShape(many=True, help_text="The text around what was found, in order.")


class PlaceShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    tree = serializers.IntegerField()


class ReactionBody(StrictSerializer):
    code = serializers.ChoiceField(choices=list(ReactionCode))
    is_on = serializers.BooleanField(
        required=False, allow_null=True, help_text="Given, or taken back; left out: the other way about than it is."
    )


class ReportBody(StrictSerializer):
    reason = serializers.ChoiceField(choices=list(ReportReason))
    note = serializers.CharField(required=False, allow_blank=True, help_text="In your words; needed for `other`.")


class ReportShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()


class ReviseBody(StrictSerializer):
    text = serializers.CharField(trim_whitespace=False)
    reason = serializers.CharField(help_text="What you changed, and why: kept with the text.")
    base_revision = serializers.IntegerField(min_value=1, max_value=2**15 - 1, help_text="The revision that you read.")


class RevisedShape(serializers.Serializer[Any]):
    message_id = serializers.IntegerField()
    revision = serializers.IntegerField(help_text="Of the message now.")
    proposal_id = serializers.IntegerField(allow_null=True, help_text="It waits for others; null: it is the text now.")


class ProposalQuery(PageQuery):
    state = serializers.ChoiceField(choices=list(ProposalState), required=False, default=ProposalState.OPEN)
    message = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)


class ProposalShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    message_id = serializers.IntegerField()
    tree_id = serializers.IntegerField()
    role = serializers.CharField()
    language = serializers.CharField()
    before = serializers.CharField(allow_blank=True, help_text="The text that it changes.")
    text = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    base_revision = serializers.IntegerField()
    state = serializers.CharField()
    is_expired = serializers.BooleanField(help_text="The message was changed meanwhile.")
    is_mine = serializers.BooleanField()
    is_my_message = serializers.BooleanField()
    may_vote = serializers.BooleanField()
    my_vote = serializers.BooleanField(allow_null=True)
    agree = serializers.IntegerField(allow_null=True, help_text="Null until you have said yours.")
    disagree = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)


class VoteBody(StrictSerializer):
    agrees = serializers.BooleanField()


class ProposalStateShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    state = serializers.CharField()
