"""The words of simulations: figures, what is assumed, and volunteers."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from annotate.web.field_words import Words
from tasks.vocabulary import PolicyName, SimulationState

STATES: Mapping[str, Words] = {
    SimulationState.QUEUED: _("waits its turn"),
    SimulationState.RUNNING: _("runs"),
    SimulationState.DONE: _("done"),
    SimulationState.FAILED: _("without a result"),
}
POLICIES: Mapping[str, Words] = {
    PolicyName.COVERAGE: _("Coverage"),
    PolicyName.UNCERTAINTY: _("Certainty"),
    PolicyName.ROUND_ROBIN: _("In turn"),
    PolicyName.OPEN_ASSISTANT: _("Open Assistant’s"),
    PolicyName.UNIFORM: _("At random"),
}
POLICY_NOTES: Mapping[str, Words] = {
    PolicyName.COVERAGE: _("What the campaign lacks most, for each minute that it takes."),
    PolicyName.UNCERTAINTY: _("What is known least surely."),
    PolicyName.ROUND_ROBIN: _("Each language and topic as often as any other."),
    PolicyName.OPEN_ASSISTANT: _("A lottery over authors, and the weights that Open Assistant used."),
    PolicyName.UNIFORM: _("Whatever comes: the measure for all others."),
}
#: Drawn over judgments, each with what it says.
CURVES: Mapping[str, tuple[Words, Words]] = {
    "coverage": (
        _("Coverage"),
        _("As the coverage page has it, of the parts that can be imagined: prompts, and the people who judged them."),
    ),
    "covered": (
        _("Coverage of the prompts"),
        _(
            "Share of the target in cells (language, topic, difficulty, length) with two finished prompts; one counts half."
        ),
    ),
    "finished": (_("How many prompts are finished"), _("Share of the prompts that have all the judgments they want.")),
    "confidence": (
        _("How sure the orders are"),
        _("Mean certainty over all prompts; one that nobody has judged counts 0."),
    ),
    "smallest": (
        _("The one furthest behind"),
        _("The least share of its target that any target has reached; without targets, the least covered language."),
    ),
    "people": (
        _("Who was asked"),
        _("Share of the target in which each group of people who judge alike has given a judgment."),
    ),
}
#: Figures of the end that are no curves: (title, how it is written).
ENDS: Mapping[str, tuple[Words, str]] = {
    "judgments": (_("Judgments given"), "whole"),
    "tau": (_("Agreement of the orders with the true ones (tau)"), "two"),
    "longest_wait": (_("Longest wait for a first judgment, in days"), "two"),
    "usual_wait": (_("Half of the prompts waited longer than so many days"), "two"),
    "never_judged": (_("Prompts that nobody has judged"), "percent"),
    "sameness": (_("Pieces that were like the one before"), "percent"),
}
#: Where trees grow: drawn over pieces of work, each with what it says and how it is written.
GROWN_CURVES: Mapping[str, tuple[Words, Words, str]] = {
    "coverage": (*CURVES["coverage"], "two"),
    "covered": (*CURVES["covered"], "two"),
    "smallest": (CURVES["smallest"][0], _("Coverage of the least covered language."), "two"),
    "trees": (_("Trees that are done"), _("Grown to their size, reviewed and ranked."), "whole"),
    "messages": (_("Accepted messages"), _("What reviewers let stand of all that was written."), "whole"),
}
GROWN_ENDS: Mapping[str, tuple[Words, str]] = {
    "judgments": (_("Pieces of work"), "whole"),
    "hours": (_("Hours that people worked"), "whole"),
    "begun": (_("Trees that were begun"), "whole"),
    "trees": (_("Trees that are done"), "whole"),
    "low_grade": (_("Prompts that reviewers rejected"), "whole"),
    "messages": (_("Accepted messages"), "whole"),
    "rejected": (_("Rejected messages"), "whole"),
    "longest_wait": (_("Longest wait for a first answer, in days"), "two"),
    "usual_wait": (_("Half of the work waited longer than so many days"), "two"),
    "sameness": (_("Pieces that were like the one before"), "percent"),
    "found_nothing": (_("Visits for which there was nothing to do"), "whole"),
    "stuck": (_("Trees that ask nobody for anything"), "whole"),
}
ASSUMPTIONS: tuple[Words, ...] = (
    _("The volunteers are made up. Where the campaign’s past tells enough of its people they are like those."),
    _(
        "Only rankings and comparisons of the prompts that are there are imagined: nobody writes, reviews or leaves a tree."
    ),
    _(
        "What each candidate is worth, and how clear an order is, is drawn by lot. People see it as sharply as they are."
    ),
    _("Everybody orders all they are shown, without ties, and nobody says what is acceptable."),
    _("Where the campaign weighs people, it is as if it had known them from the first day."),
    _(
        "The intervals come from repeating everything with other dice. They do not tell whether people will come like this."
    ),
)
GROWN_ASSUMPTIONS: tuple[Words, ...] = (
    ASSUMPTIONS[0],
    _("It begins with nothing: your briefs, targets, questions and parameters are there, and no text."),
    _(
        "Texts are about one of eight topics, or what a brief asks for. How good each is follows from who wrote it, and chance."
    ),
    _(
        "Whoever answers by dice writes spam, and so is one in fifty texts of the others. Reviewers see it as sharply as they judge."
    ),
    _(
        "Topics are known at once, prompts that wait are not ranked, nothing is gold or generated, and nobody moderates."
    ),
    _("How sharply somebody judges, and who thinks alike, is as if it were known from the first day."),
    ASSUMPTIONS[-1],
)
#: Of a volunteer: (title, how it is written).
VOLUNTEERS: Mapping[str, tuple[Words, str]] = {
    "languages": (_("Languages that they work in"), "languages"),
    "judgments": (_("Judgments of a visit, on the mean"), "two"),
    "days_between": (_("Days between two visits of one person, on the mean"), "two"),
    "leave": (_("Visits after which somebody never comes back"), "percent"),
    "seconds": (_("Seconds for a judgment, half take longer"), "whole"),
    "sharpness": (_("How sharply they judge: the lowest tenth, the middle, the highest tenth"), "numbers"),
    "opinions": (_("Groups of people who judge alike, by size"), "shares"),
    "spam": (_("People who answer by dice"), "percent"),
    "skip": (_("Pieces that are passed over"), "percent"),
    "abandon": (_("Pieces that are left lying"), "percent"),
    "late": (_("People who join later than the first day"), "percent"),
    "hours": (_("The hour of the day (UTC) at which most comes in"), "hour"),
}
