"""Which generators are one model under different names, and what each was made from. Nothing here writes."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.db.models import Q

from annotate.models import Generator
from annotate.queries.campaigns import list_site_generators
from annotate.queries.rows import fetch_all
from tasks.generation.lineage import ModelClaim, ModelIdentity, name_publicly, trace_lineage
from tasks.vocabulary import ModelRelation

#: Of a generator, as it is frozen with a release.
FROZEN_FIELDS = ("name", "engine", "revision", "relation", "licence", "output_terms", "terms_url")

_OF_RELEASE = """
SELECT DISTINCT o.generator_id AS id
FROM annotate_releaseitem i JOIN annotate_messageorigin o ON o.id = i.object_id
WHERE i.release_id = %(release)s AND i.kind = 'origin' AND o.generator_id IS NOT NULL"""


def identify_generators(generators: Iterable[Generator]) -> dict[int, ModelIdentity]:
    """The identity of each generator by its id, roots found through what the site's generators declare. One query."""
    asked = list(generators)
    ids = {generator.pk for generator in asked}
    claims = {generator.pk: _read_claim(generator) for generator in list_site_generators() if generator.pk not in ids}
    claims |= {generator.pk: _read_claim(generator) for generator in asked}
    traced = dict(zip(claims, trace_lineage(claims.values()), strict=True))
    return {generator.pk: traced[generator.pk] for generator in asked}


def find_alike(*, campaign_id: int, names: Collection[str]) -> dict[str, list[str]]:
    """Of generators by name those that are one model: key → names, two or more, sorted. Two queries.

    A name that an import gave too is the site's generator of that name.
    """
    theirs = Q(campaign__isnull=True) | Q(campaign_id=campaign_id)
    generators = list(Generator.objects.filter(theirs, name__in=names).order_by("pk"))
    identities = identify_generators(generators)
    own_last = sorted(generators, key=lambda generator: generator.campaign_id is None)
    key_of = {generator.name: identities[generator.pk].key for generator in own_last}
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(key_of):
        alike[key_of[name]].append(name)
    return {key: found for key, found in sorted(alike.items()) if len(found) > 1}


def describe_released_generators(*, release_id: int) -> dict[str, Mapping[str, Any]]:
    """The generators of the texts in a release as they are now, by id as text: plain JSON, to be frozen with it."""
    ids = [row["id"] for row in fetch_all(_OF_RELEASE, {"release": release_id})]
    generators = list(Generator.objects.filter(pk__in=ids).order_by("pk"))
    identities = identify_generators(generators)
    return {str(generator.pk): _describe(generator, identities[generator.pk]) for generator in generators}


def _describe(generator: Generator, identity: ModelIdentity) -> dict[str, Any]:
    return {name: getattr(generator, name) for name in FROZEN_FIELDS} | {
        "model": name_publicly(generator.model),
        "base_model": name_publicly(generator.base_model),
        "model_key": identity.key,
        "root_key": identity.root,
        "quantization": identity.quantization,
    }


def _read_claim(generator: Generator) -> ModelClaim:
    """What is known of a generator's model; the label of an import has a name alone."""
    return ModelClaim(
        generator.model or generator.name,
        generator.base_model,
        ModelRelation(generator.relation) if generator.relation else None,
        generator.quantization or str(generator.loading.get("quantization") or ""),
    )
