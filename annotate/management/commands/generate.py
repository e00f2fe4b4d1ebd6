"""`manage.py generate`: a worker that generates candidates, without Celery: with a model of its own, or from servers."""

from __future__ import annotations

import logging
import time
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from annotate.demo import SLUG as DEMO_CAMPAIGN
from annotate.exceptions import ChorusError
from annotate.management import model_generators
from annotate.models import Campaign, Generator
from annotate.queries.generation import read_loading
from annotate.services.generation import request_candidates
from tasks.generation.demo_model import DEMO
from tasks.generation.demo_model import GENERATOR_NAME as DEMO_NAME
from tasks.generation.local import RestartNeeded
from tasks.jobs import generation_network, generation_worker
from tasks.jobs.generation_models import ModelKey, find_key, list_local_generators, make_key
from tasks.jobs.generation_pulse import is_alive
from tasks.jobs.generation_stopping import SignalStop
from tasks.records.local_models import ModelRefused
from tasks.vocabulary import Batching, Engine, OutputTerms

log = logging.getLogger(__name__)

#: Where a generator's record keeps what these options say.
LOADING = {
    "dtype": "dtype",
    "device": "device_map",
    "quantization": "quantization",
    "attention": "attention",
    "trust_remote_code": "trust_remote_code",
}
#: The same of how requests share the model, which changes nothing about the model.
SHARING = ("batching", "max_batch")


class Command(BaseCommand):
    help = (
        "Generate candidates until Ctrl-C. With --engine transformers the model is loaded into this process, once; with "
        "--engine openai the servers of the site's generators are asked. A first signal finishes or gives back what is "
        "held, a second one hurries. Ends with 75 when it is to be started afresh."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        engines = [Engine.TRANSFORMERS.value, Engine.OPENAI.value]
        parser.add_argument("--engine", choices=engines, default=Engine.TRANSFORMERS.value)
        parser.add_argument(
            "--model", default="", metavar="NAME", help=f"a name, a folder, or {DEMO}: a toy built here"
        )
        parser.add_argument("--revision", metavar="COMMIT", help="which one of the model's versions")
        parser.add_argument("--endpoint", default="", metavar="URL", help="of a server to register: https://host/v1")
        _add_loading(parser)
        parser.add_argument(
            "--register",
            nargs="?",
            const="",
            metavar="NAME",
            help="make a generator of the site for this model, where there is none; NAME: what it is called",
        )
        parser.add_argument("--campaign", metavar="SLUG", help="have this campaign ask the model's generators")
        parser.add_argument(
            "--demo-campaign", action="store_true", help="the same of the demo campaign, if it is there"
        )
        parser.add_argument("--samples", type=int, default=1, metavar="N", help="candidates for each prompt")
        parser.add_argument("--once", action="store_true", help="end when nothing waits")
        parser.add_argument("--stop-after", type=float, metavar="SECONDS", help="end after this time")
        parser.add_argument("--health", action="store_true", help="only say whether a worker of this machine lives")

    def handle(self, **options: Any) -> None:
        if options["health"]:
            self._tell_health()
            return
        try:
            if options["engine"] == Engine.OPENAI:
                self._ask_servers(options)
            else:
                self._generate(options)
        except ChorusError as refusal:
            raise CommandError(refusal.message) from refusal
        except ModelRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        except KeyboardInterrupt:  # while the model is being loaded: nothing is held yet
            raise CommandError("Stopped while the model was being loaded.") from None

    def _generate(self, options: dict[str, Any]) -> None:
        """Load the model, then answer what its generators are asked."""
        if not options["model"]:
            raise CommandError("Name the model: --model NAME, or --model demo for a toy that is built here.")
        key, is_known = _find_model(options)
        stop = SignalStop()
        worker = generation_worker.Worker(stop=stop)
        try:
            model = worker.take_model(key, sharing=_read_sharing(options))
            if not is_known:
                self._register(options, key=key, prompt_format=generation_worker.find_format(model))
            self._name(options, list_local_generators().get(key, []))
            with stop.catching_signals():
                worker.work(is_over=_find_end(options))
        except RestartNeeded as reason:
            log.error("the worker ends, to be started afresh: %s", reason)  # noqa: TRY400
            raise SystemExit(generation_worker.EXIT_RESTART) from reason
        finally:
            worker.end()

    def _ask_servers(self, options: dict[str, Any]) -> None:
        """Ask the servers of generators; with a model, register it first where it is to be."""
        if options["model"]:
            found = model_generators.find_generators(
                engine=Engine.OPENAI, model=options["model"], revision=None, endpoint=options["endpoint"]
            )
            if not found:
                if options["register"] is None or not options["endpoint"]:
                    raise CommandError(
                        f"No enabled generator of the site has the model {options['model']} of such a server. Add "
                        "--register and --endpoint to make one."
                    )
                values = {"engine": Engine.OPENAI, "model": options["model"], "endpoint": options["endpoint"]}
                name = options["register"] or _shorten(options["model"])
                found = [model_generators.register(name=name, values={**values, "sampling": model_generators.SAMPLING})]
            self._name(options, found)
        stop = SignalStop()
        with stop.catching_signals():
            generation_network.work(stop=stop, is_over=_find_end(options))

    def _register(self, options: dict[str, Any], *, key: ModelKey, prompt_format: str) -> Generator:
        values: dict[str, Any] = {
            "engine": Engine.TRANSFORMERS,
            "model": key.name,
            "revision": key.revision,
            "loading": _read_loading(options) | _read_sharing(options),
            "prompt_format": prompt_format,
            "sampling": dict(model_generators.SAMPLING),
        }
        name = options["register"] or _shorten(options["model"])
        if key.name == DEMO:
            name = options["register"] or DEMO_NAME
            values |= {"sampling": {"temperature": 0.8, "top_p": 0.95, "max_tokens": 96}}
            values |= {"licence": "Apache-2.0", "output_terms": OutputTerms.FREE}
        generator = model_generators.register(name=name, values=values)
        self.stderr.write(f"Made the generator “{generator.name}”.")
        return generator

    def _name(self, options: dict[str, Any], generators: list[Generator]) -> None:
        """Have the campaign ask these generators, and ask at once for what it lacks."""
        slug = options["campaign"]
        if slug is None and options["demo_campaign"] and Campaign.objects.filter(slug=DEMO_CAMPAIGN).exists():
            slug = DEMO_CAMPAIGN
            generators = model_generators.leave_out_asked(slug=slug, generators=generators)
        if slug is None:
            return
        if model_generators.name_in_campaign(slug=slug, generators=generators, samples=options["samples"]):
            campaign = Campaign.objects.get(slug=slug)
            asked = request_candidates(campaign=campaign, actor=None, now=timezone.now())
            self.stderr.write(f"The campaign {slug} asks for {asked} candidates.")

    def _tell_health(self) -> None:
        if not is_alive(now=timezone.now()):
            raise CommandError("No generate worker of this machine has given a sign of life lately.")


def _add_loading(parser: ArgumentParser) -> None:
    parser.add_argument("--dtype", help="float32, bfloat16, float16, or auto: as the model was saved")
    parser.add_argument("--device", help="cpu, cuda, cuda:1, mps, or auto")
    parser.add_argument("--quantization", help="applied while loading: bnb_4bit, bnb_8bit, int8, …")
    parser.add_argument("--attention", help="sdpa, eager, flash_attention_2, …")
    parser.add_argument("--batching", choices=[word.value for word in Batching], help="how requests share the model")
    parser.add_argument("--max-batch", type=int, metavar="ROWS", help="the most requests that one batch has")
    parser.add_argument(
        "--trust-remote-code",
        metavar="NAME",
        help="let this model's own code run here; NAME is the model's name once more, so that it is meant",
    )


def _read_loading(options: dict[str, Any]) -> dict[str, Any]:
    """What was said about loading, in the words of a generator's record."""
    return {field: options[option] for option, field in LOADING.items() if options[option] is not None}


def _read_sharing(options: dict[str, Any]) -> dict[str, Any]:
    """What was said about how requests share the model."""
    said = {name: options[name] for name in SHARING if options[name] is not None}
    return said | ({"batching": Batching(said["batching"])} if "batching" in said else {})


def _find_model(options: dict[str, Any]) -> tuple[ModelKey, bool]:
    """The model to load, as generators of the site have it; else as the options say it, for one that is to be made."""
    model, trusted = options["model"], options["trust_remote_code"]
    if trusted is not None and trusted != model:
        raise CommandError(f"--trust-remote-code names {trusted}, and --model {model}: write the same twice.")
    said = _read_loading(options) | ({"trust_remote_code": True} if trusted else {})
    found = model_generators.find_generators(engine=Engine.TRANSFORMERS, model=model, revision=options["revision"])
    fitting = [generator for generator in found if _loads_like(generator, said)]
    keys = dict.fromkeys(find_key(generator) for generator in fitting)
    if len(keys) > 1:
        raise CommandError(
            f"Generators of {model} load it in different ways ({', '.join(one.name for one in fitting)}): say more with "
            "--revision, --dtype, --quantization and the like."
        )
    if keys:
        return next(iter(keys)), True
    disabled = model_generators.find_generators(
        engine=Engine.TRANSFORMERS, model=model, revision=options["revision"], enabled=False
    )
    if disabled:
        raise CommandError(
            f"The generator {disabled[0].name} has the model {model}, and it is disabled. Enable it on the page of "
            "generators, or choose another model."
        )
    if options["register"] is None:
        raise CommandError(
            f"No enabled generator of the site loads the model {model} like this. Add --register to make one, or make it "
            "on the page of generators."
        )
    return make_key(model, options["revision"] or "", read_loading(said)), False


def _loads_like(generator: Generator, said: dict[str, Any]) -> bool:
    """Whether a generator's model is loaded as was said; a record holds what differs from the defaults alone."""
    loading = read_loading(generator.loading)
    return all(getattr(loading, name) == value for name, value in said.items())


def _find_end(options: dict[str, Any]) -> Callable[[bool], bool]:
    """When the worker ends by itself."""
    until = None if options["stop_after"] is None else time.monotonic() + options["stop_after"]

    def is_over(is_idle: bool) -> bool:  # noqa: FBT001  (the worker's question has one answer)
        return (options["once"] and is_idle) or (until is not None and time.monotonic() >= until)

    return is_over


def _shorten(model: str) -> str:
    """The last part of a model's name or folder."""
    return model.rstrip("/").rpartition("/")[2][:100] or model[:100]
