"""Target shares learned from a reference: a file of prompts, or the prompts of another campaign. Reads only, nothing is set.

What comes out is looked at, changed and saved by whoever asked. Topics are learned from a file where the campaign's
topics are by hashing: no other embedder works while somebody waits.
"""

import random
from collections.abc import Mapping

from django.utils.translation import gettext as _

from annotate.exceptions import Conflict, InvalidInput
from annotate.figures import whole
from annotate.models import Campaign
from annotate.queries.alike_prompts import find_nearest_topics
from annotate.queries.target_shares import list_prompts_like_reference
from tasks.records.reference import MOST_PROMPTS, ReferencePrompt, learn_shares, read_reference
from tasks.vocabulary import TargetAxis

MOST_BYTES = 8 * 2**20
#: Prompts whose topic is looked for: enough for shares of a hundredth.
MOST_EMBEDDED = 1_500

Learned = Mapping[TargetAxis, Mapping[str, float]]


def learn_from_file(*, campaign: Campaign, data: bytes) -> tuple[Learned, int]:
    """The shares of the prompts in a file, and how many those are. Raises `InvalidInput` at the field `reference`."""
    if len(data) > MOST_BYTES:
        raise _refuse(_("The file has more than %(bytes)s bytes. Send a part of it.") % {"bytes": whole(MOST_BYTES)})
    told = {
        "no_utf8": _("The file is not text in UTF-8. Save it in UTF-8 and send it again."),
        "no_prompts": _(
            "There is no prompt in the file. Write one a line, JSON lines with “prompt”, or a table with a column prompt."
        ),
    }
    try:
        prompts = read_reference(data)
    except ValueError as error:
        raise _refuse(told[str(error)]) from None
    return _learn(campaign, prompts), len(prompts)


def learn_from_campaign(*, campaign: Campaign, other: Campaign) -> tuple[Learned, int]:
    """The shares of another campaign's prompts, and how many those are. Raises Conflict `no_prompts`."""
    prompts = [ReferencePrompt(*row) for row in list_prompts_like_reference(campaign_id=other.pk, limit=MOST_PROMPTS)]
    if not prompts:
        raise Conflict(
            _("That campaign has no prompts yet, so nothing can be learned from it. Choose another one."),
            code="no_prompts",
        )
    return _learn(campaign, prompts), len(prompts)


def _learn(campaign: Campaign, prompts: list[ReferencePrompt]) -> Learned:
    # The same part each time, so that the same file gives the same shares.
    dice = random.Random(len(prompts))  # noqa: S311  (a part of a file, not a secret)
    part = prompts if len(prompts) <= MOST_EMBEDDED else dice.sample(prompts, MOST_EMBEDDED)
    only = campaign.languages[0] if len(campaign.languages) == 1 else ""
    topics = find_nearest_topics(
        campaign_id=campaign.pk,
        texts=[prompt.text for prompt in part],
        languages=[prompt.language or only for prompt in part],
    )
    return learn_shares(prompts, topics=topics, languages=campaign.languages)


def _refuse(sentence: str) -> InvalidInput:
    return InvalidInput(f"reference: {sentence}", code="bad_reference", details={"reference": [sentence]})
