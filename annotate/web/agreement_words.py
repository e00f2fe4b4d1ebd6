"""What figures of agreement are called, and what they say, in words."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from annotate.web.field_words import Words
from tasks.vocabulary import Coefficient


@dataclass(frozen=True, slots=True)
class FigureWords:
    """A figure by its name, and what it says in a sentence."""

    name: Words
    says: Words


#: In the order in which they are shown: what stands for a kind of work comes first.
FIGURES: dict[Coefficient, FigureWords] = {
    Coefficient.KRIPPENDORFF_ALPHA: FigureWords(
        _("Labels, α"),
        _("Krippendorff’s α: 1 where people always give the same answer, 0 where they agree no more than by chance."),
    ),
    Coefficient.PAIRWISE_ALPHA: FigureWords(
        _("Which of two is better, α"),
        _("Krippendorff’s α of better, tie or worse, pair by pair: 1 is always the same answer, 0 is what chance would give."),
    ),
    Coefficient.KENDALL_TAU: FigureWords(
        _("Pairs in the same order, τ"),
        _("Kendall’s τ: of all pairs of replies, the share that two people put in the same order, minus the share that they put in opposite orders."),
    ),
    Coefficient.KENDALL_TAU_B: FigureWords(
        _("The same, corrected for ties, τ-b"),
        _("Kendall’s τ-b: as τ, but replies that somebody ties do not count against them."),
    ),
    Coefficient.RANK_ALPHA_ORDINAL: FigureWords(
        _("Places, by their order, α"),
        _("Krippendorff’s ordinal α of the place of each reply, where people ranked the same replies."),
    ),
    Coefficient.RANK_ALPHA_INTERVAL: FigureWords(
        _("Places, by their distance, α"),
        _("Krippendorff’s interval α of the place of each reply: first and last differ more than first and second."),
    ),
    Coefficient.KENDALL_W: FigureWords(
        _("Concordance, W"),
        _("Kendall’s W, where people ranked the same replies: 1 is the same order from everybody. By chance it is 1 divided by the number of people, not 0."),
    ),
}  # fmt: skip
