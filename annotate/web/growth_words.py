"""What the parameters of growing trees are called and mean; those of every campaign are in `campaign_words`."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from annotate.web.field_words import NEXT, OPEN_WORK, FieldWords, Words

_TREES = _("Trees that have not ended follow within a minute.")
_NEW_TREES = _("Holds for trees that begin from now on.")
_OFTEN = _("0: never, 1: always.")

GROWTH_FIELDS: dict[str, FieldWords] = {
    "parameters.grow_trees": FieldWords(
        _("Trees grow"),
        _("People write both sides of conversations and review what others wrote, until each tree is as large as it should be. Then its replies are ranked."),
        _("Switched on, prompts that are there go on growing. Switched off, trees that grow are ranked as they are, and prompts that wait are not used."),
    ),
    "parameters.goal_tree_size": FieldWords(
        _("Messages of a whole tree"), _("Accepted ones, its prompt included."), _NEW_TREES
    ),
    "parameters.min_goal_tree_size": FieldWords(
        _("Smaller trees from this many messages"),
        _("Each tree then gets a size by chance between this and the line above. Empty: all get the line above."),
        _NEW_TREES,
    ),
    "parameters.max_tree_depth": FieldWords(
        _("Longest conversation, in replies"), _("From the prompt down to the last reply."), _TREES
    ),
    "parameters.prompter_replies": FieldWords(
        _("Turns that follow each assistant’s reply"), _("0: conversations end with the first reply."), _TREES
    ),
    "parameters.lonely_child_preference": FieldWords(
        _("How often a single reply gets company first"),
        _("A prompt with one reply cannot be ranked yet. 0: no sooner than others, 1: always first."),
        _TREES,
    ),
    "parameters.active_trees": FieldWords(
        _("Trees that grow at once in each language"), _("Others wait for their turn. Fewer are finished sooner."), _TREES
    ),
    "parameters.patience_days": FieldWords(
        _("A tree nobody works on ends after, in days"), _("With what it has by then."), _TREES
    ),
    "parameters.min_reviews": FieldWords(
        _("Reviews of each message, where people agree"), _("How many people decide whether it is accepted."), _TREES
    ),
    "parameters.max_reviews": FieldWords(
        _("Reviews at most, where they do not"), _("Each disagreement asks one more."), _TREES
    ),
    "parameters.review_floor": FieldWords(
        _("Reviews at least, in languages with few people"),
        _("Where fewer people review than the first line asks, so many decide, never fewer."),
        _TREES,
    ),
    "parameters.acceptance_threshold": FieldWords(
        _("Accepted above this share without an objection"),
        _("An objection is spam or a wrong language. Answers about quality never decide."),
        _TREES,
    ),
    "parameters.full_label_share_prompts": FieldWords(
        _("How often a review of a prompt asks everything"),
        _("Otherwise the simple form: questions that must be answered, and those you mark for it. 0: never, 1: always."),
        OPEN_WORK,
    ),
    "parameters.full_label_share_prompter": FieldWords(
        _("The same for turns of the person who asks"), _OFTEN, OPEN_WORK
    ),
    "parameters.full_label_share_assistant": FieldWords(
        _("The same for replies of the assistant"), _OFTEN, OPEN_WORK
    ),
    "parameters.reviewer_days": FieldWords(
        _("Counts as a reviewer for, in days"),
        _("After the last piece of work in a language. It tells where too few people review."),
        _TREES,
    ),
    "parameters.waiting_prompts": FieldWords(
        _("Prompts that should wait in each language"), _("People are asked for prompts while fewer do."), _TREES
    ),
    "parameters.max_waiting_prompts": FieldWords(
        _("More than this many are not kept waiting"), _("The oldest go first, and their authors are told."), _TREES
    ),
    "parameters.prompt_days": FieldWords(
        _("A prompt nobody needed stops waiting after, in days"), _("Its author is told."), _TREES
    ),
    "parameters.pair_share": FieldWords(
        _("Share of prompts asked for along with a reply"),
        _("Where writing both is among the kinds of work. 0: none, 1: all."),
        _TREES,
    ),
    "parameters.rank_prompts": FieldWords(
        _("Waiting prompts are ranked"), _("So that better ones have their turn first."), _TREES
    ),
    "parameters.rank_prompter_replies": FieldWords(
        _("Turns of the person who asks are ranked too"), _("Where a reply has two or more of them."), _TREES
    ),
    "parameters.improvements_wanted": FieldWords(
        _("Improved replies for each prompt"),
        _("Of replies that were imported or generated, where improving is among the kinds of work."),
        OPEN_WORK,
    ),
    "parameters.report_limit": FieldWords(
        _("Reports that hide a message"), _("Until a moderator has looked. Nothing is deleted."), NEXT
    ),
    "parameters.skip_limit": FieldWords(
        _("Skips that halt a tree"), _("Where trees grow, until a moderator has looked."), NEXT
    ),
}  # fmt: skip

#: Parameters of growing trees in the order of the form, below the switch.
GROWTH_GROUPS: tuple[tuple[Words, tuple[str, ...]], ...] = (
    (
        _("How trees grow"),
        (
            "goal_tree_size",
            "min_goal_tree_size",
            "max_tree_depth",
            "prompter_replies",
            "lonely_child_preference",
            "active_trees",
            "patience_days",
            "rank_prompter_replies",
        ),
    ),
    (
        _("Reviews of what people write"),
        (
            "min_reviews",
            "max_reviews",
            "review_floor",
            "acceptance_threshold",
            "full_label_share_prompts",
            "full_label_share_prompter",
            "full_label_share_assistant",
            "reviewer_days",
        ),
    ),
    (
        _("Prompts"),
        ("waiting_prompts", "max_waiting_prompts", "prompt_days", "pair_share", "rank_prompts"),
    ),
)
