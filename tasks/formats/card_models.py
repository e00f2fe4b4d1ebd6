"""What the card of a release says of the models whose texts are in it."""

import re
from collections.abc import Iterable

from tasks.records.released_generators import ReleasedGenerator
from tasks.records.releases import ReleaseCard
from tasks.vocabulary import OutputTerms

_TERMS = {
    OutputTerms.FREE: "free for every use",
    OutputTerms.ATTRIBUTION: "the model must be named",
    OutputTerms.SHARE_ALIKE: "only under the same terms",
    OutputTerms.NON_COMMERCIAL: "not for commercial use",
    OutputTerms.NO_TRAINING: "not for training other models",
    OutputTerms.UNKNOWN: "nobody has looked",
}
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|!~])")


def escape(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def write_models(card: ReleaseCard) -> str:
    """Whose texts are in it besides people's, and what their makers ask; empty where there are none, and none left out."""
    lines = ["## Models", ""]
    if card.generators:
        lines += [
            "Texts come from people and from these. Shares are of all replies; terms are as whoever runs the site wrote them down.",
            "",
            "| generator | model | made from | licence | terms | replies | share |",
            "|---|---|---|---|---|---|---|",
            *(_write_generator(generator) for generator in card.generators),
        ]
    for key, names in _list_alike(card.generators):
        lines += ["", f"One model under several names, {escape(key)}: {', '.join(escape(name) for name in names)}."]
    if card.left_out is not None:
        lines += ["", f"Left out because of the terms of their models: {card.left_out}. Ballots name them by id alone."]
    return "\n".join(lines) if len(lines) > 2 else ""


def _write_generator(generator: ReleasedGenerator) -> str:
    terms = _TERMS[generator.output_terms]
    told = f"{terms} ({escape(generator.terms_url)})" if generator.terms_url else terms
    model = " ".join(part for part in (generator.model, generator.quantization) if part)
    share = "–" if generator.share is None else f"{generator.share:.1%}"
    return (
        f"| {escape(generator.name)} | {escape(model or generator.model_key)} | {escape(generator.base_model or '–')} "
        f"| {escape(generator.licence or 'not said')} | {told} | {generator.texts} | {share} |"
    )


def _list_alike(generators: Iterable[ReleasedGenerator]) -> list[tuple[str, list[str]]]:
    """Keys of models that several generators have, each with their names."""
    names: dict[str, list[str]] = {}
    for generator in generators:
        names.setdefault(generator.model_key, []).append(generator.name)
    return [(key, found) for key, found in sorted(names.items()) if len(found) > 1]
