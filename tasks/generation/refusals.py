"""Whether a text only says that the model will not answer, in ten languages.

It is better to let a refusal pass than to call an answer one. So only short texts are looked at, and only how they begin:
with somebody who says of themselves that they cannot, or will not, do what was asked. An apology may stand before it,
and "as a language model". "I cannot recommend it enough" and "I'm sorry for your loss" are answers.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

#: A longer text explains or offers something; it is an answer, whatever its first sentence says.
LONGEST_REFUSAL_CHARS = 420
#: A text in this many lines or more has a list or a poem in it.
_MANY_LINES = 5
_PAUSE = r"[\s,.;:!،、，。！…-]*"


@dataclass(frozen=True, slots=True)
class _Words:
    """How a language declines: `sorry` and `role` may stand before `refusals`, one of which must be there."""

    sorry: str
    role: str
    refusals: tuple[str, ...]

    def write_pattern(self) -> str:
        return rf"(?:(?:{self.sorry})\b{_PAUSE})?(?:(?:{self.role})\b{_PAUSE})?(?:{'|'.join(self.refusals)})"


def _all(*words: str) -> str:
    return f"(?:{'|'.join(words)})"


_EN_DO = _all(
    *("help", "assist", "answer", "comply", "fulfil+", "do (?:that|this|so)", "continue with (?:this|that)", "engage"),
    *("participate", "support (?:this|that)", "discuss", "share (?:that|this|information|any)", "generate", "create"),
    *(
        "write (?:that|this|such|content|about)",
        "provide",
        "produce",
        "give (?:you )?(?:advice|instructions|information)",
    ),
    *(
        "offer (?:advice|guidance|instructions)",
        "respond to",
        "complete this",
        "carry out",
        "process (?:this|that|your)",
    ),
    *("accommodate", "talk about", "facilitate", "encourage", "condone", "endorse", "assist"),
)
_EN_NOT = _all(
    *("can ?not", "can't", "won't", "will not", "am unable to", "'m unable to", "am not able to", "'m not able to"),
    *("am not allowed to", "'m not allowed to", "am not programmed to"),
    *("'m not going to", "am not going to", "am not willing to", "'m not willing to", "don't feel comfortable"),
)
_DE_DO = _all(
    *(
        "helfen",
        "weiterhelfen",
        "unterstützen",
        "behilflich sein",
        "beantworten",
        "erfüllen",
        "nachkommen",
        "bereitstellen",
    ),
    *("erstellen", "liefern", "geben", "schreiben", "behandeln", "diskutieren", "antworten"),
)
_ES_DO = _all(
    *(
        "ayudar",
        "asistir",
        "responder",
        "contestar",
        "cumplir",
        "proporcionar",
        "brindar",
        "ofrecer",
        "generar",
        "crear",
    ),
    *("escribir", "participar", "hablar de", "discutir", "hacer eso", "hacerlo"),
)
_FR_DO = _all(
    *(
        "aider",
        "assister",
        "répondre",
        "fournir",
        "donner suite",
        "satisfaire",
        "générer",
        "créer",
        "écrire",
        "accéder à",
    ),
    *("discuter", "participer", "faire cela", "traiter"),
)
_PT_DO = _all(
    *(
        "ajud[aá]",
        "auxili[aá]",
        "responder",
        "atender",
        "fornecer",
        "oferecer",
        "gerar",
        "criar",
        "escrever",
        "discutir",
    ),
    *("participar", "cumprir", "fazer isso"),
)
_IT_DO = _all(
    *(
        "aiutar",
        "assister",
        "risponder",
        "fornir",
        "soddisfar",
        "generar",
        "crear",
        "scriver",
        "discuter",
        "partecipar",
    ),
    *("farlo", "fare questo"),
)
_RU_DO = _all(
    *("помочь", "помогать", "ответить", "отвечать", "выполнить", "предоставить", "создать", "написать", "обсуждать"),
    *("участвовать", "поддержать", "дать (?:вам |тебе )?(?:совет|инструкци|информаци)"),
)
_ZH_DO = _all(
    *(
        "提供",
        "回答",
        "回應",
        "回应",
        "协助",
        "協助",
        "帮助",
        "幫助",
        "帮[您你]",
        "幫[您你]",
        "满足",
        "滿足",
        "完成[这這此]",
    ),
    *("参与", "參與", "生成", "讨论", "討論", "执行", "執行"),
)
_JA_DO = _all(
    "お手伝い", "お答え", "お応え", "お力", "ご提供", "提供", "回答", "対応", "生成", "支援", "協力", "お教え", "ご案内"
)
_JA_NOT = _all(
    "できません", "できかねます", "いたしかねます", "致しかねます", "なれません", "できないんです", "できない"
)
_AR_DO = _all(
    *("مساعدت", "أساعد", "المساعدة", "أجيب", "الإجابة", "إجابة", "تقديم", "أقدم", "توفير", "تلبية", "القيام", "كتابة"),
    *("إنشاء", "المشاركة", "مناقشة", "تنفيذ", "أقوم"),
)

_LANGUAGES: Mapping[str, _Words] = {
    "en": _Words(
        r"(?:i(?:'m| am) (?:so |very |really |truly |terribly )?sorry|sorry|(?:my )?apologies|i apologi[sz]e|unfortunately|"
        r"i(?:'m| am) afraid)(?:,? (?:but|however|that))?",
        r"as an? (?:ai|artificial intelligence|(?:large )?language model)[^.!?]{0,60}?",
        (
            (
                rf"i ?{_EN_NOT}(?: (?:just|simply|ethically|legally))? {_EN_DO}\b"
                r"(?! (?:but|noticing|wondering|feeling|thinking)\b)(?![^.!?]{0,40}\b(?:exact|precise|definit|without)\w*)"
            ),
            r"i ?(?:must|have to|need to) (?:respectfully |politely )?(?:decline|refuse)\b",
            (
                r"(?:that|this) (?:is not|isn't) something (?:that )?i(?: can|'m able to| am able to| will) "
                r"(?:help|assist|do|discuss|provide)"
            ),
            r"i ?(?:am|'m) not comfortable (?:discussing|helping|providing|writing|creating|sharing|answering)\b",
            r"i can't do that[.!]?\Z",
        ),
    ),
    "de": _Words(
        r"(?:(?:es )?tut mir (?:sehr )?leid|entschuldigung|verzeihung|leider|ich bedauere)(?:,? (?:aber|doch|dass))?",
        r"als (?:ki|sprachmodell|ki-modell|künstliche intelligenz)[^.!?]{0,60}?",
        (
            (
                rf"(?:(?:das|dabei|dazu|damit|hierbei|hierzu|dies) )?(?:kann|darf|werde|möchte) ich (?:[^.!?]{{0,60}} )?"
                rf"(?:nicht|keine[nrs]?|nichts|kein)\b(?:[^.!?,]{{0,50}} )?{_DE_DO}\b"
            ),
            (
                rf"ich (?:kann|darf|werde|möchte) (?:[^.!?,]{{0,60}} )?(?:nicht|keine[nrs]?|nichts|kein)\b"
                rf"(?:[^.!?,]{{0,50}} )?{_DE_DO}\b(?! kann)"
            ),
            rf"ich bin nicht in der lage[^.!?]{{0,60}}zu {_DE_DO}",
        ),
    ),
    "es": _Words(
        r"(?:lo siento(?: mucho)?|disculpa|disculpe|lamentablemente|lo lamento|perdón|me disculpo)(?:,? pero)?",
        r"como (?:un )?(?:modelo de lenguaje|ia|inteligencia artificial)[^.!?]{0,60}?",
        (
            (
                rf"no (?:puedo|podré|me es posible|soy capaz de|estoy autorizad[oa] (?:a|para)|se me permite)"
                rf"(?: (?:te|le|les))? {_ES_DO}(?:te|le|les|lo|los)?\b(?! (?:más|menos) )"
            ),
        ),
    ),
    "fr": _Words(
        r"(?:je suis (?:vraiment |sincèrement |profondément )?(?:désolée?|navrée?)|désolée?|navrée?|pardon|malheureusement|"
        r"je m'excuse|excusez-moi)(?:,? mais)?",
        r"en tant (?:qu'ia|que modèle de langage|qu'intelligence artificielle|qu'assistant)[^.!?]{0,60}?",
        (
            rf"je ne (?:peux|pourrai|saurais)(?: malheureusement)?(?: pas)? (?:vous |t'|te |y )?{_FR_DO}\b",
            rf"je ne suis pas (?:en mesure de|capable de|autorisée? à|programmée? pour) (?:vous |t'|te |y )?{_FR_DO}\b",
        ),
    ),
    "pt": _Words(
        r"(?:desculpe|desculpa|sinto muito|lamento|infelizmente|peço desculpas?)(?:,? mas)?",
        r"como (?:um |uma )?(?:modelo de linguagem|ia|inteligência artificial)[^.!?]{0,60}?",
        (
            (
                rf"(?:eu )?não (?:posso|poderei|consigo|sou capaz de|tenho permissão para|estou autorizad[oa] a)"
                rf"(?: (?:te|lhe|o|a))? {_PT_DO}"
            ),
        ),
    ),
    "it": _Words(
        r"(?:mi dispiace(?: molto)?|(?:sono )?spiacente|scusa|scusami|mi scuso|purtroppo)(?:,? ma)?",
        r"(?:come|in quanto) (?:un )?(?:modello linguistico|ia|ai|intelligenza artificiale)[^.!?]{0,60}?",
        (rf"non (?:posso|potrò|sono in grado di|sono autorizzat[oa] a|mi è possibile|mi è permesso) {_IT_DO}",),
    ),
    "ru": _Words(
        r"(?:мне (?:очень )?жаль|извините|простите|прошу прощения|к сожалению|сожалею)(?:,? но)?",
        r"как (?:языковая модель|ии|искусственный интеллект)[^.!?]{0,60}?",
        (
            rf"я не (?:могу|смогу|в состоянии|буду|имею права) (?:вам |тебе )?(?:с этим |в этом )?(?:вам |тебе )?{_RU_DO}",
        ),
    ),
    "zh": _Words(
        r"(?:我)?(?:很|非常|十分|真的)?(?:抱歉|对不起|對不起|遗憾|遺憾)(?:[，,。!！]\s*(?:但是?|不过))?",
        r"作[为為](?:一个|一個|一名)?(?:人工智能|人工智慧|ai|语言模型|語言模型|大型语言模型)[^。！？]{0,30}?",
        (
            (
                rf"我(?:们)?(?:无法|不能|不可以|没有办法|没办法|無法|沒辦法|不会|不會)(?:[为為向给給][您你]|就此|对此|對此|[为為]此)?"
                rf"(?:直接)?{_ZH_DO}"
            ),
        ),
    ),
    "ja": _Words(
        r"(?:大変)?(?:申し訳(?:ございません|ありません|ない(?:です)?)|すみません|すいません|ごめんなさい|恐れ入ります)(?:が|けど|けれど)?",
        r"(?:ai|言語モデル|aiアシスタント)(?:として|ですので|なので)",
        (
            rf"(?:[^。！？]{{0,40}}?(?:については|には|に関しては|ことは|は|を|に))?{_JA_DO}(?:[^。！？]{{0,10}}?){_JA_NOT}(?!か|でしょうか)",
        ),
    ),
    "ar": _Words(
        r"(?:(?:أنا )?(?:آسف|آسفة|أعتذر|عذرا|عذرًا|عذراً|المعذرة|للأسف|معذرة))(?: جدا| جدًا)?(?:[،,]? و?لكن(?:ني|ي)?)?",
        r"(?:بصفتي|كنموذج|باعتباري)[^.!؟]{0,60}?",
        (
            (
                rf"(?:أنا )?(?:لا (?:أستطيع|يمكنني|أقدر)|لن (?:أستطيع|أتمكن من)|لست قادر(?:ا|ًا|اً|ة)? على|غير قادر(?:ة)? على)"
                rf"(?: أن)? {_AR_DO}"
            ),
        ),
    ),
}
_BEGINS = tuple(re.compile(words.write_pattern(), re.IGNORECASE) for words in _LANGUAGES.values())
_QUOTES = str.maketrans({"’": "'", "‘": "'", "´": "'", "\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " "})


def reads_like_refusal(text: str) -> bool:
    """Whether a short text begins by saying that its writer cannot or will not do what was asked."""
    text = text.strip().translate(_QUOTES)
    if not text or len(text) > LONGEST_REFUSAL_CHARS:
        return False
    if "```" in text or sum(bool(line.strip()) for line in text.splitlines()) >= _MANY_LINES:
        return False
    text = " ".join(text.lstrip("\"'*_“«¡「『 ").split())
    return any(pattern.match(text) for pattern in _BEGINS)
