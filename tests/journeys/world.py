"""A campaign in the middle of its life, so that every page has something to show: made over HTTP, as people make it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.faults.runs import wait_until
from tests.faults.workplace import make_ranking
from tests.journeys.site import Site, Volunteer, make_items

#: As long as a title, a name or a text may be, and nowhere to break it.
UNBROKEN = "Donaudampfschifffahrtsgesellschaft"

MARKDOWN = """Three things help:

1. **Less heat.** Once it boils, turn it *down*.
2. Rinse it, see [this page](https://example.org/rice).

| step | minutes |
|---|---|
| boil | 12 |
| rest | 10 |

```python
def rest(minutes: int = 10) -> str:
    return f"leave it for {minutes}"
```

The mean is $\\bar{x} = \\frac{1}{n} \\sum_i x_i$, and `x` stays `x`.

> Rest it well."""

ARABIC = "الأرز يلتصق لأن النار عالية.\n\nThen in English: **lower** the heat, as in `simmer`."

KINDS = ["write_assistant_reply", "rank", "compare", "label"]


@dataclass
class World:
    """What the addresses of pages need to name. `hold` gives a piece of work by its kind."""

    site: Site
    organizer: Volunteer
    volunteer: Volunteer
    slug: str
    holds: dict[str, int]
    run: str
    generator: int
    beginner: Volunteer
    member: str
    brief: int
    message: int
    tree: int
    ranked: int
    simulation: int

    def arguments(self) -> dict[str, Any]:
        """Values for the parameters of addresses, by their names there."""
        return {
            "slug": self.slug,
            "assignment": self.holds["rank"],
            "public_id": self.run,
            "number": 1,
            "generator_id": self.generator,
            "brief": self.brief,
            "message_id": self.message,
            "tree_id": self.tree,
            "parent_id": self.ranked,
            "simulation_id": self.simulation,
        }


def make_world(site: Site, *, hostile: bool = False) -> World:
    """A campaign of four kinds with judgments, an import that found mistakes, a release, a member, a token.

    `hostile`: everything that people may write is as long as it may be, without a space.
    """
    organizer, volunteer = site.person(), site.person("en", "ar")
    slug = _open_campaign(site, organizer, hostile=hostile)
    organizer.insist("PUT", f"campaigns/{slug}/members/", {"email": volunteer.email, "role": "moderator"})
    _judge(site, slug)
    organizer.insist("POST", f"campaigns/{slug}/releases/", {})
    wait_until(
        lambda: organizer.insist("GET", f"campaigns/{slug}/releases/1/")["state"] in {"sealed", "failed"}, "a release"
    )
    message, tree = _read_and_react(organizer, volunteer, slug, hostile=hostile)
    return World(
        site=site,
        organizer=organizer,
        volunteer=volunteer,
        slug=slug,
        holds={kind: volunteer.ask_patiently(slug, kinds=[kind]) for kind in KINDS},
        run=_import_with_mistakes(organizer, slug),
        generator=_make_generator(site, f"lab-{next(site.numbers)}"),
        beginner=site.person(),
        member=site.sign_up(),
        brief=_ask_for_prompts(organizer, slug, hostile=hostile),
        message=message,
        tree=tree,
        ranked=_find_ranked(organizer, slug),
        simulation=_imagine(organizer, slug),
    )


def _find_ranked(organizer: Volunteer, slug: str) -> int:
    """A prompt whose candidates were put in order, once the worker has combined what was said of it."""
    results: list[dict[str, Any]] = []

    def is_there() -> bool:
        results[:] = organizer.insist("GET", f"campaigns/{slug}/consensus/")["results"]
        return bool(results)

    wait_until(is_there, "a consensus")
    return int(results[0]["parent"])


def _open_campaign(site: Site, organizer: Volunteer, *, hostile: bool) -> str:
    word = (UNBROKEN * 400)[:10_000] if hostile else ""
    items = make_items(6)
    items[0]["candidates"][0]["text"] = word or MARKDOWN
    items[0]["candidates"][1]["text"] = word or (MARKDOWN + "\n\n" + "It goes on and on. " * 120)
    items[1]["prompt"] = word or items[1]["prompt"]
    items.append(
        {
            "prompt": word + "كيف أطبخ الأرز؟",
            "language": "ar",
            "candidates": [{"text": f"{word}{ARABIC} ({place})", "generator": f"g{place}"} for place in range(4)],
        }
    )
    return site.make_campaign(
        organizer,
        items=items,
        title=word[:100] or "Everyday questions",
        purpose=word or "We want to know which answers help.",
        kinds=KINDS,
        languages=["en", "ar"],
        allow_guests=True,
        redundancy=5,
        guideline={
            "text": word or "Read **all** of them.\n\n- What helps?\n- Is it true?",
            "examples": [
                {
                    "title": word or "Short is fine",
                    "prompt": word or "How long does an egg boil?",
                    "better": word or "Six minutes.",
                    "worse": word or "It depends on many things.",
                    "why": word or "The first can be used at once.",
                }
            ],
        },
        targets=[{"language": "en", "topic": "", "judgments": 30}, {"language": "ar", "topic": "", "judgments": 9}],
    )


def _judge(site: Site, slug: str) -> None:
    """Three people rank and label until there is something to compare."""
    for _ in range(3):
        person = site.person()
        for _ in range(4):
            offered = person.insist("POST", f"campaigns/{slug}/next/", {"kinds": ["rank"]})["assignment"]
            if offered is not None:
                person.submit(offered, make_ranking(offered, name=person.name))
    wait_until(lambda: site.count("consensus") > 0, "a consensus")


def _ask_for_prompts(organizer: Volunteer, slug: str, *, hostile: bool) -> int:
    """A brief; what it says is as long as it may be where the world is hostile."""
    word = UNBROKEN * 20 if hostile else "Something you had to explain to a child."
    brief = {"language": "en", "topic": word[:80], "difficulty": word[:40], "words": word[:500], "wanted": 12}
    return int(organizer.insist("POST", f"campaigns/{slug}/briefs/", brief)["id"])


def _imagine(organizer: Volunteer, slug: str) -> int:
    """A simulation of two policies, with its report."""
    wanted = {"policies": ["coverage", "uniform"], "annotators": 8, "days": 3, "runs": 2}
    simulation = int(organizer.insist("POST", f"campaigns/{slug}/simulations/", wanted)["id"])
    address = f"campaigns/{slug}/simulations/{simulation}/"
    wait_until(lambda: organizer.insist("GET", address)["state"] in {"done", "failed"}, "a simulation")
    return simulation


def _read_and_react(organizer: Volunteer, volunteer: Volunteer, slug: str, *, hostile: bool) -> tuple[int, int]:
    """A prompt, and its tree, of which a moderator thinks something and for which other words are proposed."""
    prompts = organizer.insist("GET", f"messages/?campaign={slug}&prompts_only=true")["results"]
    message = prompts[0]["id"]
    words = UNBROKEN * 20 if hostile else "It can be understood better like this."
    volunteer.insist("POST", f"messages/{message}/reactions/", {"code": "heart"})
    organizer.insist("POST", f"messages/{message}/reactions/", {"code": "clap"})
    volunteer.insist("POST", f"messages/{message}/report/", {"reason": "other", "note": words})
    wording = {"text": (UNBROKEN * 100 if hostile else "How do I cook rice well?"), "reason": words, "base_revision": 1}
    volunteer.insist("POST", f"messages/{message}/revise/", wording)
    return int(message), int(prompts[0]["tree_id"])


def _import_with_mistakes(organizer: Volunteer, slug: str) -> str:
    items: list[dict[str, Any]] = [
        *make_items(1),
        {"prompt": "", "language": "en"},
        {"prompt": "In what?", "language": "xx"},
    ]
    started = organizer.insist("POST", f"campaigns/{slug}/imports/", {"items": items})
    path = f"campaigns/{slug}/imports/{started['id']}/"
    wait_until(lambda: organizer.insist("GET", path)["state"] in {"done", "failed"}, "the end of the import")
    return str(started["id"])


def _make_generator(site: Site, name: str) -> int:
    """A generator of the site that no campaign asks."""
    given = {"name": name, "engine": "openai", "endpoint": "https://lab.example.org/v1", "model": "a-model"}
    return int(site.administrator.insist("POST", "generators/", given)["id"])
