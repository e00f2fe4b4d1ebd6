"""The page of one generator: a trial with one prompt, how it does, what it is; its form; and what stands behind all."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from annotate.models import (
    Campaign,
    CampaignGenerator,
    GenerateWorker,
    GenerationRequest,
    Generator,
    GeneratorTrial,
    Server,
)
from annotate.queries.generation_figures import Figures
from annotate.queries.generators import estimate_seconds
from annotate.services.generators import create_generator
from annotate.web.generator_figures import last_long, tenths
from tests.loop import make_prompt
from tests.web.organizing import WHO, come_as, make_run, read_form, sign_in

pytestmark = pytest.mark.django_db

SITE, NOW = "/generators/", timezone.now()
SERVER = {"name": "Lab", "engine": "openai", "endpoint": "http://127.0.0.1:9/v1", "model": "m"}
LOCAL = {"name": "Tiny", "engine": "transformers", "model": "lab/tiny"}
ASKED = {"HX-Request": "true", "HX-Target": "trial"}


@pytest.fixture
def campaign():
    return make_run(state="open")


@pytest.fixture
def root(db):
    return sign_in("root", is_administrator=True)


@pytest.fixture
def lab(db):
    return create_generator(values=SERVER, actor=None)


def page_of(generator):
    return f"{SITE}{generator.pk}/"


def make_trial(generator, **given):
    return GeneratorTrial.objects.create(**{"generator": generator, "prompt": "Why?", "state": "queued", **given})


def ask(campaign, generator, **given):
    prompt = make_prompt(campaign, f"Why {GenerationRequest.objects.count()}?", replies=0)
    given = {"state": "queued", **given}
    return GenerationRequest.objects.create(parent=prompt, generator=generator, sample_index=0, **given)


def test_administrator_tries_a_generator_and_sees_its_answer(root, lab):
    answer = root.post(f"{page_of(lab)}try/", {"prompt": "Why do **birds** sing?"})
    trial = GeneratorTrial.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"{page_of(lab)}?trial={trial.pk}#trial")
    assert (trial.prompt, trial.state) == ("Why do **birds** sing?", "queued")
    waiting = root.get(answer["Location"]).text
    assert ("It waits for a worker." in waiting, "Look again" in waiting, "every 2s" in waiting) == (True, True, True)
    how = {
        "effective_sampling": {"temperature": 0.7, "stop": ["#"]},
        "dropped_sampling": ["min_p"],
        "models": ["m", "n"],
    }
    GeneratorTrial.objects.update(
        state="done", outcome="stored", text="To be **heard**.", seconds=2.0, completion_tokens=50,
        provenance={**how, "truncated": {"turns": 2, "tokens": 90}},
    )  # fmt: skip
    page = root.get(page_of(lab)).text
    shown = [
        "It answered.",
        "<strong>heard</strong>",
        "<strong>birds</strong>",
        "2.0 seconds, 50 tokens, 25 tokens a second",
    ]
    shown += ["temperature 0.7, stop [&quot;#&quot;]", "min_p", "2 turns at its front", "The server serves 2 models"]
    assert [words for words in shown if words not in page] == []
    assert ("Look again" in page, "every 2s" in page) == (False, False)


def test_trial_that_failed_says_why(root, lab):
    make_trial(lab, state="failed", outcome="unreachable", reason="The server cannot be reached: no route to it")
    page = root.get(page_of(lab)).text
    shown = ["No whole answer came.", "the server cannot be reached", "no route to it"]
    assert [words for words in shown if words not in page] == []


def test_answer_that_was_cut_off_is_shown_as_far_as_it_came(root, lab):
    make_trial(lab, state="failed", outcome="truncated", text="Because they", reason="Raise max_tokens.")
    page = root.get(page_of(lab)).text
    shown = ["No whole answer came.", "cut off in the middle", "Because they", "Raise max_tokens."]
    assert [words for words in shown if words not in page] == []


def test_answer_of_a_trial_is_no_page_of_ours(root, lab):
    make_trial(
        lab, state="done", outcome="stored", text="<script>alert(1)</script><b onclick=x>b</b>", prompt="<i>?</i>"
    )
    page = root.get(page_of(lab)).text
    assert ("<script>alert" in page, "onclick=x>" in page) == (False, False)


def test_page_stops_asking_once_the_trial_has_ended(root, lab):
    trial = make_trial(lab)
    path = f"{page_of(lab)}?trial={trial.pk}"
    first = root.get(path, headers=ASKED)
    assert (first.status_code, first.text.startswith('<div id="trial"'), "<html" in first.text) == (200, True, False)
    GeneratorTrial.objects.update(state="running")
    assert "It is being answered." in root.get(path, headers=ASKED).text
    GeneratorTrial.objects.update(state="done", text="Because.")
    last = root.get(path, headers=ASKED)
    assert (last.status_code, "hx-get" in last.text) == (286, False)


def test_asking_again_costs_little(root, lab, django_assert_num_queries):
    path = f"{page_of(lab)}?trial={make_trial(lab).pk}"
    with django_assert_num_queries(2):  # who asks; the trial
        root.get(path, headers=ASKED)


@pytest.mark.parametrize("prompt", ["", " \n ", "x" * 20_001])
def test_prompt_that_is_none_is_told_at_its_field(root, lab, prompt):
    answer = root.post(f"{page_of(lab)}try/", {"prompt": prompt})
    assert (answer.status_code, [wrong.name for wrong in answer.context["wrong"]]) == (422, ["prompt"])
    assert GeneratorTrial.objects.count() == 0


def test_generator_that_is_switched_off_is_not_tried(root, lab):
    Generator.objects.update(enabled=False)
    answer = root.post(f"{page_of(lab)}try/", {"prompt": "Why?"})
    assert (answer.status_code, [wrong.name for wrong in answer.context["wrong"]]) == (409, ["prompt"])
    assert read_form(answer)["prompt"] == ["Why?"]


def test_trials_wait_for_those_before_them(root, lab):
    for _ in range(3):
        make_trial(lab)
    answer = root.post(f"{page_of(lab)}try/", {"prompt": "Why?"})
    assert (answer.status_code, [wrong.name for wrong in answer.context["wrong"]]) == (409, ["prompt"])


def test_earlier_trials_stay_and_can_be_looked_at(root, lab):
    first = make_trial(lab, prompt="The first one", state="done", text="One.")
    make_trial(lab, prompt="The second one", state="failed", outcome="empty")
    page = root.get(page_of(lab))
    assert ([trial["id"] for trial in page.context["trials"]], "an empty text" in page.text) == ([first.pk], True)
    earlier = root.get(f"{page_of(lab)}?trial={first.pk}")
    assert (earlier.context["trial"]["text"], read_form(earlier)["prompt"]) == ("One.", ["The first one"])


@pytest.mark.parametrize("number", ["0", "x", "9" * 30, "-1"])
def test_trial_that_is_none_is_not_found(root, lab, number):
    path = f"{page_of(lab)}?trial={number}"
    assert [root.get(path).status_code, root.get(path, headers=ASKED).status_code] == [404, 404]


def test_trial_of_another_generator_is_not_found(root, lab):
    other = make_trial(create_generator(values={**SERVER, "name": "Pond"}, actor=None))
    path = f"{page_of(lab)}?trial={other.pk}"
    assert [root.get(path).status_code, root.get(path, headers=ASKED).status_code] == [404, 404]


def test_page_of_a_label_of_an_import_is_none(root, campaign):
    label = Generator.objects.create(campaign=campaign, name="label", engine="label")
    answers = [
        root.get(page_of(label)),
        root.post(f"{page_of(label)}try/", {"prompt": "Why?"}),
        root.get(f"{page_of(label)}edit/"),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404]


def test_generators_pages_are_administrators_alone(campaign, lab):
    campaign.allow_guests = True
    campaign.save()
    trial = make_trial(lab)
    for who in WHO[:-1]:
        client = come_as(who, campaign)
        answers = [client.get(page_of(lab)), client.get(f"{page_of(lab)}?trial={trial.pk}", headers=ASKED)]
        answers += [client.get(f"{page_of(lab)}edit/"), client.post(f"{page_of(lab)}try/", {"prompt": "Why?"})]
        allowed = {302, 401} if who == "nobody" else {403}
        assert {answer.status_code for answer in answers} <= allowed, who
    assert GeneratorTrial.objects.count() == 1


def test_page_says_how_the_generator_does_and_what_keeps_it(root, campaign, lab):
    ask(campaign, lab, state="done", outcome="stored", finished_at=NOW, compute_seconds=3.0, completion_tokens=60)
    ask(campaign, lab, state="failed", outcome="near_duplicate", finished_at=NOW)
    ask(campaign, lab, state="queued", outcome="rate_limited", not_before=NOW)
    Generator.objects.update(problem="It needs 14 GiB, and 8 are free.", problem_at=NOW)
    Server.objects.create(host=lab.host, failures=3, open_until=NOW + timedelta(hours=1), last_error="It said no.")
    page = root.get(page_of(lab)).text
    shown = [
        "<dd>3.0</dd>",
        "<dd>20</dd>",
        "nearly the same text as another candidate",
        "It needs 14 GiB, and 8 are free.",
    ]
    shown += ["left alone for a while", "It failed 3 times in a row.", "It said no.", "the server wants fewer requests"]
    assert [words for words in shown if words not in page] == []


@pytest.mark.parametrize("rows", [1, 3])
def test_page_costs_the_same_however_many_trials_there_were(root, campaign, lab, rows, django_assert_num_queries):
    for _ in range(rows):
        make_trial(lab, state="done", text="Because.")
        ask(campaign, lab, state="failed", outcome="empty", finished_at=NOW)
    with django_assert_num_queries(6):
        assert len(root.get(page_of(lab)).context["trials"]) == rows - 1


# its form


def test_model_in_a_worker_is_made_with_how_it_is_loaded(root):
    opened = read_form(root.get(f"{SITE}new/"))
    sent = {**opened, **LOCAL, "endpoint": "http://left.over/v1", "requests_per_minute": "9", "server_kind": "vllm"}
    sent |= {"prompt_format": "transcript/1", "loading.dtype": "bfloat16", "loading.quantization": "bnb_4bit"}
    sent |= {"loading.max_batch": "8", "loading.attention": "sdpa", "loading.trust_remote_code": "lab/tiny"}
    assert root.post(f"{SITE}new/", sent).status_code == 302
    made = Generator.objects.get()
    assert (made.endpoint, made.requests_per_minute, made.server_kind, made.prompt_format) == (
        "",
        None,
        "any",
        "transcript/1",
    )
    assert made.loading == {
        "dtype": "bfloat16",
        "quantization": "bnb_4bit",
        "max_batch": 8,
        "attention": "sdpa",
        "trust_remote_code": True,
    }
    opened = read_form(root.get(f"{page_of(made)}edit/"))
    assert (opened["loading.trust_remote_code"], opened["loading.max_batch"]) == (["lab/tiny"], ["8"])
    assert root.post(f"{page_of(made)}edit/", {**opened, "loading.trust_remote_code": ""}).status_code == 302
    made.refresh_from_db()
    assert ("trust_remote_code" in made.loading, made.loading["max_batch"]) == (False, 8)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"loading.trust_remote_code": "yes"}, "loading.trust_remote_code"),
        ({"loading.device_map": "gpu"}, "loading.device_map"),
        ({"loading.dtype": "float32", "loading.attention": "flash_attention_2"}, "loading.dtype"),
        ({"loading.max_batch": "many"}, "loading.max_batch"),
        ({"loading.context_tokens": "1"}, "loading.context_tokens"),
        ({"loading.batching": "alone"}, "loading.batching"),
    ],
)
def test_what_is_wrong_with_loading_is_told_at_its_field(root, change, field):
    answer = root.post(f"{SITE}new/", {**read_form(root.get(f"{SITE}new/")), **LOCAL, **change})
    assert (answer.status_code, [wrong.name for wrong in answer.context["wrong"]]) == (422, [field])


def test_what_a_form_was_sent_is_what_it_shows_again(root):
    sent = {
        "sampling.temperature": "0.7",
        "sampling.top_k": "40",
        "sampling.stop": "###\n\\nUser:",
        "sampling_more": '{"logit_bias": null}',
        "base_model": "lab/base",
        "relation": "finetuned",
        "licence": "MIT",
        "output_terms": "free",
        "requests_per_minute": "60",
        "system_prompt": "Be brief.",
    }
    root.post(f"{SITE}new/", {**read_form(root.get(f"{SITE}new/")), **SERVER, **sent})
    made = Generator.objects.get()
    assert made.sampling == {"temperature": 0.7, "top_k": 40, "stop": ["###", "\nUser:"], "logit_bias": None}
    shown = read_form(root.get(f"{page_of(made)}edit/"))
    assert {name: shown[name] for name in sent} == {name: [text] for name, text in sent.items()} | {
        "sampling_more": ['{\n "logit_bias": null\n}']
    }


def test_generator_that_was_asked_tells_what_stays_and_changes_the_rest(root, campaign, lab):
    ask(campaign, lab)
    path = f"{page_of(lab)}edit/"
    page = root.get(path)
    opened = read_form(page)
    fixed = {"engine", "model", "revision", "system_prompt", "prompt_format", "sampling_more", "sampling.temperature"}
    assert (fixed & set(opened), "it has been asked for candidates" in page.text.lower()) == (set(), True)
    changed = {**opened, "licence": "MIT", "output_terms": "free", "max_concurrent": "2", "step": "save"}
    assert root.post(path, changed).status_code == 302
    lab.refresh_from_db()
    assert (lab.licence, lab.output_terms, lab.max_concurrent, lab.model) == ("MIT", "free", 2, "m")


def test_model_that_was_asked_keeps_its_precision(root, campaign):
    tiny = create_generator(values={**LOCAL, "loading": {"dtype": "float16", "max_batch": 4}}, actor=None)
    ask(campaign, tiny)
    path = f"{page_of(tiny)}edit/"
    opened = read_form(root.get(path))
    assert {"loading.dtype", "loading.quantization", "endpoint", "requests_per_minute"} & set(opened) == set()
    assert root.post(path, {**opened, "loading.max_batch": "16"}).status_code == 302
    tiny.refresh_from_db()
    assert tiny.loading == {"dtype": "float16", "max_batch": 16}
    assert root.post(path, {**opened, "loading.dtype": "float32"}).status_code == 409


def test_models_that_are_known_are_suggested(root, lab):
    field = next(field for group in root.get(f"{SITE}new/").context["groups"] for part in group.parts for field in part.fields if field.name == "base_model")  # fmt: skip
    assert ("m" in field.suggestions, "EleutherAI/gpt-j-6b" in field.suggestions) == (True, True)


# all of them


def test_administrators_see_workers_and_servers_and_organizers_do_not(root, campaign, lab):
    now = timezone.now()
    GenerateWorker.objects.create(
        name="gpu-1", model="lab/tiny", device="cuda:0", state="working", running_requests=32, waiting_requests=1200,
        tokens_per_second=812.4, memory_used=3 * 2**30, memory_total=4 * 2**30, seen_at=now,
    )  # fmt: skip
    GenerateWorker.objects.create(
        name="gpu-2", state="working", tokens_per_second=99.0, seen_at=now - timedelta(minutes=2)
    )
    Server.objects.create(host="https://far.example", failures=2, last_error="It said no.")
    page = root.get(SITE).text
    shown = ["gpu-1", "812", "1,200", f'value="{3 * 2**30}"', "3.0", "writing", "not heard of", "https://far.example"]
    assert [words for words in shown if words not in page.replace("\xa0", " ")] == []
    assert (">99<" in page, page.count("<meter")) == (False, 1)
    seen = sign_in("ines").get(SITE).text
    assert ("gpu-1" in seen, "far.example" in seen, "127.0.0.1" in seen, "Lab" in seen) == (False, False, False, True)


@pytest.mark.parametrize("rows", [1, 3])
def test_list_costs_the_same_whatever_its_length(root, campaign, rows, django_assert_num_queries):
    for number in range(rows):
        made = create_generator(values={**SERVER, "name": f"Lab {number}"}, actor=None)
        ask(campaign, made, state="done", outcome="stored", finished_at=NOW)
        Server.objects.create(host=f"https://{number}.example")
        GenerateWorker.objects.create(name=f"{number}", state="waiting")
    with django_assert_num_queries(6):
        assert len(root.get(SITE).context["generators"]) == rows


# of a campaign


def test_generators_whose_terms_a_campaign_does_not_take_cannot_be_chosen_and_say_why(campaign, lab):
    create_generator(values={**SERVER, "name": "Free", "output_terms": "free"}, actor=None)
    Campaign.objects.update(output_terms=["free"])
    ines = sign_in("ines")
    page = ines.get("/campaigns/birds/generators/")
    assert [name for name in read_form(page) if name.startswith("samples.")] == ["samples.Free"]
    assert "The terms on what Lab writes are" in page.text
    answer = ines.post("/campaigns/birds/generators/", {"samples.Lab": "1"})
    assert (answer.status_code, CampaignGenerator.objects.count()) == (422, 0)


def test_generator_that_is_named_and_not_taken_any_more_is_told(campaign, lab):
    CampaignGenerator.objects.create(campaign=campaign, generator=lab)
    Campaign.objects.update(model_licences=["MIT"])
    assert "Named, and not asked." in sign_in("ines").get("/campaigns/birds/generators/").text


def test_campaign_with_a_design_says_how_many_candidates_each_prompt_gets(campaign, lab):
    ines = sign_in("ines")
    path = "/campaigns/birds/generators/"
    assert "balanced design" not in ines.get(path).text
    Campaign.objects.update(parameters={**campaign.parameters, "candidates_per_prompt": 4})
    assert "Each prompt gets 4 candidates in all." in ines.get(path).text


def test_campaign_sees_speed_cost_failures_and_how_long_the_rest_takes(campaign, lab):
    done = {"state": "done", "outcome": "stored", "finished_at": timezone.now(), "compute_seconds": 2.5, "draws": 1}
    for _ in range(2):
        ask(campaign, lab, **done, completion_tokens=50)
    for _ in range(4):
        ask(campaign, lab)
    ask(campaign, lab, state="failed", outcome="looping", finished_at=NOW)
    Generator.objects.update(problem="Its model is gone.")
    page = sign_in("ines").get("/campaigns/birds/generators/").text
    shown = ["4 candidates are on their way: about 2 hours", "2 candidates in the last day", "2.5 seconds each"]
    shown += ["20 tokens a second", "the model repeated itself without end", "2 answers were drawn again"]
    shown += ["Its model is gone.", "cannot answer"]
    assert [words for words in shown if words not in page] == []


def test_what_is_not_counted_to_its_end_says_so(root, campaign, lab, monkeypatch):
    for _ in range(2):
        ask(campaign, lab, state="done", outcome="stored", finished_at=NOW)
    monkeypatch.setattr("annotate.queries.generation_figures.MOST_COUNTED", 2)
    assert "At least 2 candidates" in root.get(SITE).text
    assert "only the newest are counted" in root.get(page_of(lab)).text


def test_how_long_it_takes_is_not_known_before_anything_came(campaign, lab):
    ask(campaign, lab)
    assert "How long that takes is not known" in sign_in("ines").get("/campaigns/birds/generators/").text


def test_time_that_is_left_is_that_of_the_slowest():
    fast, slow = Figures(hour=60, day=60), Figures(day=12, since=NOW - timedelta(hours=6))
    assert estimate_seconds({1: 30, 2: 0}, {1: fast, 2: Figures()}, now=NOW) == 1800
    assert estimate_seconds({1: 30, 2: 4}, {1: fast, 2: slow}, now=NOW) == 7200
    assert estimate_seconds({1: 30, 2: 4}, {1: fast, 2: Figures()}, now=NOW) is None


def test_pace_over_less_than_an_hour_is_no_more_than_what_came():
    assert Figures(day=3, since=NOW - timedelta(minutes=1)).per_hour(now=NOW) == 3


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(1, "1 minute"), (90, "2 minutes"), (7200, "2 hours"), (3 * 86_400, "3 days"), (59.9 * 60, "1 hour")],
)
def test_times_are_told_as_people_say_them(seconds, told):
    assert last_long(seconds) == told


@pytest.mark.parametrize(
    ("value", "told"), [(None, "–"), (0.023, "0.02"), (2.44, "2.4"), (9.96, "10"), (1627.3, "1,627")]
)
def test_numbers_are_as_exact_as_they_need_to_be(value, told):
    assert tenths(value) == told
