"""What a simulation takes for granted, and what it leaves out: said in every report, since a figure is worth no more than that."""

#: Of every simulation.
_COMMON = (
    "Volunteers are made up. What the campaign's past tells of them is used; everything else is assumed, and named below.",
    "Intervals are 95 % of the mean over repetitions with other dice: they tell nothing of what the assumptions get wrong.",
)
_ORDERS = (
    "What candidates are worth, and how clear each order is, is drawn by lot; groups of opinion see candidates differently.",
    "A volunteer ranks all that is shown, without ties and without saying what is acceptable, as sharply as they are.",
)
#: In memory.
ASSUMPTIONS: tuple[str, ...] = (
    _COMMON[0],
    *_ORDERS,
    "Where the campaign weighs people, it is as if their sharpness were known from the beginning.",
    "Between two visits of the scheduler at least five judgments pass; in the product it comes every half minute.",
    _COMMON[1],
)
LEFT_OUT: tuple[str, ...] = (
    "Only orders are imagined (rankings and comparisons) of the prompts that are there. Writing, reviews and growing trees are not.",
    "Topics stay as they are, nothing is gold, no generator writes, nothing is improved, and nobody is found to manipulate.",
)
#: Through the product itself.
_BEAT = (
    "Jobs run between submits, on the volunteers' clock: trees after each, consensus and schedule after ten, topics, briefs "
    "and coverage after sixty, reliability, opinions and findings after two hundred, or when hours pass without. In the "
    "product they run by seconds and minutes."
)
EXACT_ASSUMPTIONS: tuple[str, ...] = (
    _COMMON[0],
    *_ORDERS,
    "It begins with nothing judged: what stands in the campaign is not carried over.",
    "Prompts are as many, as long and of the same topics as there are; their texts are made up, and all that is asked is ranked.",
    _BEAT,
    _COMMON[1],
)
EXACT_LEFT_OUT: tuple[str, ...] = (
    "No item is gold, so that whoever is new is not trained and nobody is measured by it.",
    "No generator writes, so that nothing is improved, and none is asked for variety.",
    "Prompts are placed by hashing, whatever the campaign places them by.",
    "Nobody moderates: findings and reports are not decided. Guests, undoing, drafts and releases are not imagined.",
)
_GROWN = (
    _COMMON[0],
    (
        "It begins with nothing: no prompt and no tree of the campaign is carried over, but its briefs, targets, kinds of work, "
        "questions and parameters are."
    ),
    (
        "Texts are about one of eight topics, or about what a brief asks for, and are worth what their author's craft and chance "
        "make them; groups of opinion see them differently."
    ),
    (
        "Whoever answers by dice writes spam; of the texts of all others one in fifty is no better. Reviewers are wrong about spam "
        "the more seldom, the sharper they are: at the usual sharpness once in twenty times."
    ),
    "One turn in ten ends its conversation.",
)
_GROWN_LEFT_OUT = (
    "Shares of topics and tags are not carried over: topics are found anew among what is written.",
    "Nobody skips because of a topic, reports anything, or writes in another language than asked.",
)
#: Of a campaign that grows trees, in memory.
GROWING_ASSUMPTIONS: tuple[str, ...] = (
    *_GROWN,
    "Topics are known as soon as a prompt is written, and coverage is that of prompts and people, without neighbourhoods.",
    "How sharply somebody judges, and who thinks alike, is as if it were known from the beginning.",
    "Trees go on after each submit; between two visits of the scheduler at least five pass.",
    _COMMON[1],
)
GROWING_LEFT_OUT: tuple[str, ...] = (
    *_GROWN_LEFT_OUT,
    "Prompts that wait are not ranked, nothing is gold, no generator writes, nothing is improved, and nobody moderates or is found to manipulate.",
)
#: And through the product itself.
EXACT_GROWING_ASSUMPTIONS: tuple[str, ...] = (*_GROWN, _BEAT, _COMMON[1])
EXACT_GROWING_LEFT_OUT: tuple[str, ...] = (*_GROWN_LEFT_OUT, *EXACT_LEFT_OUT)
