"""What a simulation takes for granted: said in every report, since a figure is worth no more than that."""

ASSUMPTIONS: tuple[str, ...] = (
    "Volunteers are made up. What the campaign's past tells of them is used; everything else is assumed, and named below.",
    "Only orders are imagined (rankings and comparisons) of the prompts that are there. Writing, reviews and growing trees are not.",
    "What candidates are worth, and how clear each order is, is drawn by lot; groups of opinion see candidates differently.",
    "A volunteer ranks all that is shown, without ties and without saying what is acceptable, as sharply as they are.",
    "Where the campaign weighs people, it is as if their sharpness were known from the beginning.",
    "Between two visits of the scheduler at least five judgments pass; in the product it comes every half minute.",
    "Intervals are 95 % of the mean over repetitions with other dice: they tell nothing of what the assumptions get wrong.",
)
