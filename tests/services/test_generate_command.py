"""`manage.py generate`: which model it loads, what it registers, what it refuses, and when it ends."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from annotate.demo import SLUG
from annotate.models import AuditEvent, CampaignGenerator, GenerationRequest, Generator
from annotate.services.campaign_files import read_campaign_file
from annotate.services.generate_workers import WorkerReport, report_worker
from tasks.generation.demo_model import GENERATOR_NAME, prepare_demo_model, read_texts
from tasks.jobs import generation_batching, generation_worker
from tasks.jobs.generation_models import DEMO_TEXTS
from tasks.jobs.generation_pulse import name_worker
from tasks.records.local_models import ModelRefused
from tasks.vocabulary import WorkerState
from tests.fake_model import FakeModel
from tests.fake_openai import FakeOpenAI
from tests.opinions import make_campaign, make_prompt

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def loaded(monkeypatch) -> list:
    """Keys of the models that were loaded."""
    keys: list = []

    def load(key, *, say):
        keys.append(key)
        if key.name == "broken":
            raise ModelRefused("The folder broken is not there.")
        template = None if key.name == "base-model" else "f" * 64
        return FakeModel().with_facts(name=key.name, template_sha256=template)

    monkeypatch.setattr(generation_worker, "load", load)
    monkeypatch.setattr(generation_batching, "probe_batching", lambda _: (2.0, 1.0, "Padded batches are faster here."))
    return keys


@pytest.fixture
def campaign():
    campaign = make_campaign(redundancy=1, redraws=0)
    make_prompt(campaign, "Why do birds sing?")
    return campaign


def generate(*arguments: str) -> None:
    call_command("generate", "--once", *arguments)


def add_generator(name: str = "small", model: str = "org/small", **given) -> Generator:
    return Generator.objects.create(name=name, engine="transformers", model=model, **given)


def named(campaign) -> dict[str, int]:
    return dict(CampaignGenerator.objects.filter(campaign=campaign).values_list("generator__name", "samples"))


def states() -> list[str]:
    return sorted(GenerationRequest.objects.values_list("state", flat=True))


def test_a_new_model_is_registered_named_in_a_campaign_and_asked(campaign, loaded) -> None:
    generate("--model", "org/small", "--register", "--campaign", campaign.slug, "--samples", "2", "--dtype", "float32")
    generator = Generator.objects.get()
    assert (generator.name, generator.engine, generator.model, generator.loading, generator.prompt_format) == (
        "small", "transformers", "org/small", {"dtype": "float32"}, "",
    )  # fmt: skip
    assert (named(campaign), states()) == ({"small": 2}, ["done", "done"])
    assert [key.loading.dtype for key in loaded] == ["float32"]
    event = AuditEvent.objects.get(action="generator.changed")
    assert (event.actor_id, event.reason, event.object_id) == (None, "manage.py generate", str(generator.pk))


def test_the_second_time_nothing_is_made_and_nothing_is_named_anew(campaign) -> None:
    for _ in range(2):
        generate("--model", "org/small", "--register", "--campaign", campaign.slug)
    assert (Generator.objects.count(), named(campaign), states()) == (1, {"small": 1}, ["done"])


def test_what_is_said_as_it_is_by_default_makes_no_second_generator(campaign, loaded) -> None:
    for _ in range(2):
        generate(
            "--model", "org/small", "--register", "--campaign", campaign.slug, "--dtype", "auto", "--device", "auto"
        )
    assert (Generator.objects.count(), named(campaign), len(set(loaded))) == (1, {"small": 1}, 1)


def test_generators_that_a_campaign_names_already_stay_named(campaign) -> None:
    CampaignGenerator.objects.create(campaign=campaign, generator=add_generator("other", "else"), samples=3)
    generate("--model", "org/small", "--register", "--campaign", campaign.slug)
    assert named(campaign) == {"other": 3, "small": 1}


def test_a_name_that_is_taken_gets_a_number(campaign) -> None:
    add_generator("small", "another/small")
    generate("--model", "org/small", "--register")
    assert list(Generator.objects.order_by("pk").values_list("name", "model")) == [
        ("small", "another/small"), ("small 2", "org/small"),
    ]  # fmt: skip


def test_a_base_model_is_registered_with_a_prompt_format() -> None:
    generate("--model", "base-model", "--register", "Base")
    assert Generator.objects.values_list("name", "prompt_format").get() == ("Base", "transcript/1")


def test_code_of_a_model_s_own_runs_where_its_name_was_written_twice(loaded) -> None:
    with pytest.raises(CommandError, match="write the same twice"):
        generate("--model", "org/small", "--register", "--trust-remote-code", "yes")
    generate("--model", "org/small", "--register", "--trust-remote-code", "org/small")
    assert [key.loading.trust_remote_code for key in loaded] == [True]
    assert Generator.objects.get().loading == {"trust_remote_code": True}


def test_a_model_is_loaded_as_the_site_s_generator_says(loaded) -> None:
    add_generator(loading={"dtype": "bfloat16", "max_batch": 4}, revision="abc")
    generate("--model", "org/small", "--max-batch", "2")
    assert [(key.revision, key.loading.dtype, key.loading.max_batch) for key in loaded] == [("abc", "bfloat16", None)]


def test_a_model_that_no_generator_has_is_refused_with_what_to_do(loaded) -> None:
    add_generator(loading={"dtype": "float16"})
    with pytest.raises(CommandError, match=r"No enabled generator of the site loads the model org/small.*--register"):
        generate("--model", "org/small", "--dtype", "float32")
    assert loaded == []


def test_a_disabled_generator_is_not_made_a_second_time(loaded) -> None:
    add_generator(enabled=False)
    with pytest.raises(CommandError, match="The generator small has the model org/small, and it is disabled"):
        generate("--model", "org/small", "--register")
    assert (loaded, Generator.objects.count()) == ([], 1)


def test_generators_that_load_the_model_differently_must_be_told_apart(loaded) -> None:
    add_generator("whole")
    add_generator("half", loading={"dtype": "float16"})
    with pytest.raises(CommandError, match=r"in different ways \(whole, half\)"):
        generate("--model", "org/small")
    generate("--model", "org/small", "--dtype", "float16")
    assert [key.loading.dtype for key in loaded] == ["float16"]


def test_a_model_that_cannot_be_loaded_is_refused_with_its_sentence_and_not_registered() -> None:
    with pytest.raises(CommandError, match="The folder broken is not there"):
        generate("--model", "broken", "--register")
    assert not Generator.objects.exists()


def test_no_model_and_no_campaign_of_that_name_are_refused(campaign) -> None:
    with pytest.raises(CommandError, match="Name the model"):
        generate()
    with pytest.raises(CommandError, match="There is no campaign 'nowhere'"):
        generate("--model", "org/small", "--register", "--campaign", "nowhere")


def test_a_worker_ends_after_the_time_that_was_said() -> None:
    call_command("generate", "--model", "org/small", "--register", "--stop-after", "0.1")


def test_health_is_that_of_a_worker_of_this_machine() -> None:
    report = WorkerReport("elsewhere/1", "org/small", "cuda:0", WorkerState.WORKING, started_at=timezone.now())
    report_worker(report=report, now=timezone.now())
    with pytest.raises(CommandError, match="No generate worker of this machine"):
        call_command("generate", "--health")
    ours = WorkerReport(name_worker(), "org/small", "cpu", WorkerState.WAITING, started_at=timezone.now())
    report_worker(report=ours, now=timezone.now())
    call_command("generate", "--health")


def test_servers_are_asked_without_celery_too(campaign) -> None:
    with FakeOpenAI() as server:
        generate(
            "--engine", "openai", "--endpoint", server.endpoint, "--model", "org/served", "--register",
            "--campaign", campaign.slug,
        )  # fmt: skip
    generator = Generator.objects.get()
    assert (generator.name, generator.engine, generator.endpoint) == ("served", "openai", server.endpoint)
    assert (named(campaign), states()) == ({"served": 1}, ["done"])


def test_a_server_that_is_not_known_needs_its_address() -> None:
    with pytest.raises(CommandError, match="Add --register and --endpoint"):
        generate("--engine", "openai", "--model", "org/served")


# --- The demo's own model ----------------------------------------------------------------------------


def test_the_demo_model_is_named_for_what_it_is_and_asked_by_the_demo_campaign(monkeypatch) -> None:
    demo = make_campaign(SLUG)
    make_prompt(demo, "Why do birds sing?")
    generate("--model", "demo", "--register", "--demo-campaign")
    generator = Generator.objects.get()
    assert (generator.name, generator.model, generator.licence, generator.output_terms) == (
        GENERATOR_NAME, "demo", "Apache-2.0", "free",
    )  # fmt: skip
    assert "its texts mean nothing" in generator.name
    assert (named(demo), states()) == ({GENERATOR_NAME: 1}, ["done"])


def test_what_organizers_took_out_of_the_demo_campaign_stays_out() -> None:
    demo = make_campaign(SLUG)
    make_prompt(demo, "Why do birds sing?")
    generate("--model", "demo", "--register", "--demo-campaign")
    CampaignGenerator.objects.all().delete()
    generate("--model", "demo", "--register", "--demo-campaign")
    assert named(demo) == {}
    generate("--model", "demo", "--campaign", SLUG)
    assert named(demo) == {GENERATOR_NAME: 1}


def test_without_a_demo_campaign_nothing_is_named() -> None:
    generate("--model", "demo", "--register", "--demo-campaign")
    assert not CampaignGenerator.objects.exists()


def test_the_demo_campaign_has_the_address_that_the_code_knows() -> None:
    assert read_campaign_file(DEMO_TEXTS.with_name("demo.toml").read_bytes()).slug == SLUG


def test_the_demo_model_learns_prompts_and_candidates() -> None:
    texts = read_texts(DEMO_TEXTS.read_text(encoding="utf-8"))
    assert len(texts) > 100
    assert "My rice always sticks to the bottom of the pot. What am I doing wrong?" in texts


@pytest.mark.torch
def test_the_demo_model_is_built_once_and_says_on_its_card_what_it_is(tmp_path, monkeypatch) -> None:
    from tasks.generation import transformers_engine

    build = transformers_engine.build_demo_model
    monkeypatch.setattr(
        transformers_engine, "build_demo_model", lambda folder, texts: build(folder, texts, seconds=1.0, steps=2)
    )
    said: list[str] = []
    texts = ["Why do birds sing?", "To be heard by other birds."]
    for _ in range(2):
        folder = prepare_demo_model(tmp_path / "models" / "demo", texts=texts, say=said.append)
    assert len(said) == 1
    assert "Its texts mean nothing" in (folder / "README.md").read_text(encoding="utf-8")
    assert sorted(path.name for path in folder.parent.iterdir()) == ["demo"]
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {path.name for path in folder.iterdir()}


@pytest.mark.torch
def test_a_demo_model_that_breaks_off_leaves_no_half_a_model(tmp_path, monkeypatch) -> None:
    from tasks.generation import transformers_engine

    def break_off(folder, texts):
        (folder / "config.json").write_text("{")
        raise OSError("No space left on device")

    monkeypatch.setattr(transformers_engine, "build_demo_model", break_off)
    with pytest.raises(ModelRefused, match="No space left on device"):
        prepare_demo_model(tmp_path / "models" / "demo", texts=["A", "B"], say=lambda _: None)
    assert list((tmp_path / "models").iterdir()) == []
