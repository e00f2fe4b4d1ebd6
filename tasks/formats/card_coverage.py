"""What the card of a release says of its coverage."""

from tasks.records.releases import CoverageLine

#: What the coverage is made of; the definition is that of `tasks.scheduling.coverage`.
_PARTS = {
    "prompts": "share of the cells of languages, topics, difficulties and lengths that are known as surely as wanted",
    "people": "share of the groups of people who judge in a language that have judged in each of its cells",
    "facility": "how near prompts lie, by their embeddings, to one that is known as surely as wanted",
    "candidates": "share of the pairs of sources of candidates that ten judgments or more have put in order",
}


def write_coverage(lines: tuple[CoverageLine, ...]) -> str:
    """The section of the card, with its definition; empty where nothing was measured."""
    if not lines:
        return ""
    names = list(_PARTS)
    weights = ", ".join(f"{name} {100 * lines[0].weights.get(name, 0):.0f} %" for name in names)
    told = [f"- `{name}`: {said}" for name, said in _PARTS.items()]
    rows = [
        f"| {line.language or 'all'} | {_number(line.coverage)} | {' | '.join(_number(line.parts.get(name)) for name in names)} |"
        for line in lines
    ]
    return "\n".join(
        [
            "## Coverage",
            "",
            (
                "How much of what the campaign wants to know was known when this release was frozen, from 0 to 1: the weighted "
                f"mean ({weights}) of the parts that can be said."
            ),
            "",
            *told,
            "",
            f"| language | coverage | {' | '.join(names)} |",
            f"|---|---|{'---|' * len(names)}",
            *rows,
        ]
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
