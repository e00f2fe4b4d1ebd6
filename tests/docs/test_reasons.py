"""Reasons that workers store are told in the reader's language: each sentence of theirs is one that can be told."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import translation

from annotate import reasons
from annotate.reason_words import PHRASES, SENTENCES
from annotate.reasons import PLACE, is_known, tell_reason

ROOT = Path(__file__).resolve().parents[2]
FILES = (
    *sorted((ROOT / "tasks" / "formats").glob("*.py")),
    *sorted((ROOT / "tasks" / "generation").glob("*.py")),
    *(ROOT / "tasks" / "text" / f"{name}.py" for name in ("guards", "languages")),
    *(ROOT / "tasks" / "jobs" / f"{name}.py" for name in ("generation", "generation_models")),
    *(
        ROOT / "annotate" / "services" / f"{name}.py"
        for name in (
            "import_plan",
            "import_runs",
            "import_leases",
            "release_building",
            "generation_queue",
            "generation_results",
            "auto_moderation",
        )
    ),
)
#: Files whose sentences are for nobody's reasons: the card of a release, and mistakes of ours.
OTHERS = {"card.py", "card_coverage.py", "card_models.py", "pseudonyms.py", "writers.py", "samples.py"}
#: Sentences that end a program or a command, and are stored nowhere.
NEVER_STORED = (
    "An import file is opened for reading bytes.",
    "The deadline of this exchange has passed.",
    "This import is running already",
    "The device failed",
    "The memory of the device cannot be",
    "Out of memory with a single request; the worker starts afresh.",
    "A batch of 7 rows did not fit",
    "A row of 7 tokens does not fit in a cache",
    "A claim is for the generators of one server, or of none.",
    "Bringing the weights of",
    "Building the demo's model",
    "The demo's model cannot be built",
    "Loading 7: ",
    # why a model's rows go in padded batches: the log says it
    "Continuous batching",
    "The model lies on several devices, and the cache of continuous batching",
    "This version of transformers has no continuous batching",
    'With the attention "7" there is no continuous batching.',
    "With this model, continuous batching",
)


def list_sentences() -> Iterator[str]:
    """Each sentence in those files, with something at its places."""
    for path in FILES:
        if path.name in OTHERS:
            continue
        tree = ast.parse(path.read_text())
        inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
        inner -= {id(node) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)}
        told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if id(node) in inner | told or not isinstance(node, ast.Constant | ast.JoinedStr):
                continue
            text = write(node)
            if (
                text.endswith((".", ": 7", "not 7"))
                and " " in text
                and text[0] != " "
                and not text.startswith(NEVER_STORED)
            ):
                yield text


def write(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "".join(str(part.value) if isinstance(part, ast.Constant) else name_of(part) for part in node.values)


def name_of(part: ast.expr) -> str:
    """A sample of what may stand there: a whole sentence where one is put in."""
    is_sentence = isinstance(part, ast.FormattedValue) and ast.unparse(part.value) in {
        "bad",
        "bad.sentence",
        "data",
        "reason",
    }
    return "The tree has no prompt." if is_sentence and part.format_spec is None else "7"


@pytest.mark.parametrize("sentence", sorted(set(list_sentences())))
def test_every_sentence_of_a_worker_can_be_told(sentence):
    assert is_known(sentence)


def test_the_sentences_of_workers_were_found():
    found = set(list_sentences())
    assert len(found) > 100
    assert "The text is blank. Write something that can be read, or leave it out." in found


def test_no_sentence_is_there_twice():
    texts = [*SENTENCES, *PHRASES]
    assert len(texts) == len(set(texts))


@pytest.fixture
def in_capitals(monkeypatch):
    """A language whose words are ours in capitals."""

    def shout(text):
        parts = PLACE.split(text)
        return "".join(f"%({part})s" if at % 2 else part.upper() for at, part in enumerate(parts))

    monkeypatch.setattr(reasons, "gettext", shout)
    reasons._tell.cache_clear()
    with translation.override("de"):
        yield
    reasons._tell.cache_clear()


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        ("The tree has no prompt.", "THE TREE HAS NO PROMPT."),
        ("30,000 of 1,000,000 records cannot be used, so nothing was imported.", "30.000 OF 1.000.000 RECORDS CANNOT BE USED, SO NOTHING WAS IMPORTED."),
        ("Candidate 3: the text must be a string, not a list.", "CANDIDATE 3: THE TEXT MUST BE A STRING, NOT A LIST."),
        ('Message "a: b": role must be "prompter" or "assistant", not "x".', 'MESSAGE "a: b": ROLE MUST BE "PROMPTER" OR "ASSISTANT", NOT "x".'),
        ("Candidate 2: generator has 200 characters; at most 120 are taken.", "CANDIDATE 2: generator HAS 200 CHARACTERS; AT MOST 120 ARE TAKEN."),
        ("Candidate 2: sampling: The text holds a NUL character at position 4. Remove it.", "CANDIDATE 2: sampling: THE TEXT HOLDS A NUL CHARACTER AT POSITION 4. REMOVE IT."),
        ("The file ends inside element 4 of the list. It was cut; send the whole file.", "THE FILE ENDS INSIDE ELEMENT 4 OF THE LIST. IT WAS CUT; SEND THE WHOLE FILE."),
        ("The header cannot be read. The line is longer than 8,388,608 bytes. Shorten it.", "THE HEADER CANNOT BE READ. THE LINE IS LONGER THAN 8.388.608 BYTES. SHORTEN IT."),
        ("The server failed (503). It said: be patient It was tried 4 times.", "THE SERVER FAILED (503). IT SAID: be patient IT WAS TRIED 4 TIMES."),
        ("Somebody wrote this.", "Somebody wrote this."),
        ("", ""),
    ],
)  # fmt: skip
def test_what_varies_is_put_back_and_what_is_not_ours_stays(in_capitals, stored, told):
    assert tell_reason(stored) == told
    with translation.override("en"):
        assert tell_reason(stored) == stored
    with translation.override(None):
        assert tell_reason(stored) == stored


@pytest.mark.parametrize("language", ["de", "ar"])
@pytest.mark.parametrize(
    "stored",
    [
        "30,000 of 1,000,000 records cannot be used, so nothing was imported.",
        "Candidate 3: the text must be a string, not a list.",
        "The header cannot be read. The line is longer than 8,388,608 bytes. Shorten it.",
        "The server failed (503). It was tried 4 times.",
    ],
)
def test_reasons_are_told_in_every_language_of_the_interface(language, stored):
    with translation.override(language):
        told = tell_reason(stored)
    ours = set(re.findall(r"[a-z]{4,}", stored)) - {"candidate", "header"}
    assert (told != stored, ours & set(re.findall(r"[A-Za-z]{4,}", told))) == (True, set())
