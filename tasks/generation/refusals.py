"""Whether a text only says that the model will not answer, in ten languages.

It is better to let a refusal pass than to call an answer one: only short texts are looked at, and only sentences in
which somebody says of themselves, in the first words or after an apology, that they cannot or will not do what was
asked. "I cannot recommend it enough" and "I'm sorry for your loss" are answers.
"""

import re

#: A longer text explains or offers something; it is an answer, whatever its first sentence says.
LONGEST_REFUSAL_CHARS = 420
#: A text in this many lines or more has a list or a poem in it.
_MOST_LINES = 5

_EN_DO = (
    r"(?:help|assist|answer|comply|fulfil+|do that|do this|continue|engage|participate|support|discuss|share|generate|"
    r"create|write|provide|produce|give|offer|respond|complete|carry out|process|accommodate|talk about|tell you|"
    r"facilitate|encourage|promote|condone|endorse)"
)
_EN_CANNOT = (
    r"(?:can(?:no|')?t|can not|won't|will not|(?:am|'m) (?:not able|unable|not allowed|not permitted|not programmed|"
    r"not comfortable|not going|not willing)(?: to| with)?|must (?:decline|refuse)(?: to)?|have to (?:decline|refuse)"
    r"(?: to)?|(?:am|'m) not (?:in a position) to|do(?: not|n't) feel comfortable)"
)
_REFUSALS: tuple[str, ...] = (
    # en
    (
        rf"(?:(?:i(?:'m| am) (?:so |very |really |truly )?sorry|sorry|apologies|i apologi[sz]e|unfortunately|my apologies)"
        rf"[,.!:;]?\s+(?:but\s+|however,?\s+)?)?"
        rf"(?:as an? (?:(?:large )?language model|ai|artificial intelligence)[^.!?]{{0,60}},\s*)?"
        rf"i {_EN_CANNOT}(?: (?:just|simply|ethically|legally))? {_EN_DO}\b(?! but\b)"
    ),
    rf"(?:(?:i(?:'m| am) sorry|sorry),? (?:but )?)?i {_EN_CANNOT.replace(' to| with', ' to| with')}[.!]?\s*\Z",
    (
        r"(?:i(?:'m| am) sorry|sorry|i apologi[sz]e|unfortunately),? (?:but )?(?:i must|i have to|i need to) "
        r"(?:respectfully )?(?:decline|refuse)\b"
    ),
    r"i (?:must|have to|need to) (?:respectfully )?(?:decline|refuse)\b",
    r"(?:i(?:'m| am) sorry|sorry),? (?:but )?(?:that|this) (?:request )?(?:is|isn't|goes) (?:not )?(?:something i can|against)",
    (
        r"(?:that|this) (?:is not|isn't) something (?:that )?i(?: can|'m able to| am able to| will) "
        r"(?:help|assist|do|discuss|provide)"
    ),
    # de
    (
        r"(?:(?:es )?tut mir (?:sehr )?leid,?[.!]? (?:aber |doch )?|entschuldigung,? (?:aber )?|leider |verzeihung,? (?:aber )?)?"
        r"(?:als (?:ki|sprachmodell|künstliche intelligenz)[^.!?]{0,60}? )?"
        r"(?:(?:das |dabei |dazu |damit |hierbei |hierzu )?(?:kann|darf|werde|möchte) ich|ich (?:kann|darf|werde|möchte))"
        r"[^.!?]{0,90}?\b(?:nicht|keine|keinen|kein|nichts)\b[^.!?]{0,60}?\b(?:helfen|unterstützen|weiterhelfen|beantworten|"
        r"erfüllen|nachkommen|bereitstellen|geben|behilflich sein|erstellen|schreiben|liefern|behandeln|diskutieren)\b"
    ),
    # es
    (
        r"(?:lo siento(?: mucho)?|disculpa|disculpe|lamentablemente|lo lamento|perdón)?[,.]?\s*(?:pero )?"
        r"(?:como (?:modelo de lenguaje|ia|inteligencia artificial)[^.!?]{0,60}?,? )?"
        r"no (?:puedo|podré|podría|me es posible|soy capaz de|estoy autorizad[oa] (?:a|para)|se me permite)"
        r"(?: te| le| les)? ?(?:ayudar|ayudarte|ayudarle|asistir|asistirte|responder|contestar|cumplir|proporcionar|"
        r"proporcionarte|brindar|ofrecer|generar|crear|escribir|continuar|hablar|discutir|participar|hacer eso)(?:te|le|lo)?\b"
    ),
    # fr
    (
        r"(?:(?:je suis (?:vraiment |sincèrement )?)?(?:désolée?|navrée?)|pardon|malheureusement|je m'excuse|excusez-moi)?"
        r"[,.]?\s*(?:mais )?(?:en tant (?:qu'ia|que modèle de langage|qu'intelligence artificielle)[^.!?]{0,60}?,? )?"
        r"je ne (?:peux|pourrai|suis|saurais)(?: malheureusement)?(?: pas)?(?: en mesure de| capable de| autorisée? à| programmée? pour)?"
        r"(?: pas)? (?:vous |t'|te |y )?(?:aider|assister|répondre|fournir|donner|satisfaire|générer|créer|écrire|"
        r"accéder à|discuter|continuer|participer|faire cela|traiter)\b"
    ),
    # pt
    (
        r"(?:desculpe|desculpa|sinto muito|lamento|infelizmente|peço desculpas?)?[,.]?\s*(?:mas )?"
        r"(?:como (?:um )?modelo de linguagem[^.!?]{0,60}?,? |como (?:uma )?(?:ia|inteligência artificial)[^.!?]{0,60}?,? )?"
        r"(?:eu )?não (?:posso|poderei|consigo|sou capaz de|tenho permissão para|estou autorizad[oa] a)"
        r"(?: te| lhe| o)? ?(?:ajudar|ajudá-lo|ajudá-la|auxiliar|responder|atender|fornecer|oferecer|gerar|criar|escrever|"
        r"continuar|discutir|participar|cumprir|fazer isso)\b"
    ),
    # it
    (
        r"(?:mi dispiace(?: molto)?|spiacente|scusa|scusami|mi scuso|purtroppo|sono spiacente)?[,.]?\s*(?:ma )?"
        r"(?:come (?:modello linguistico|ia|intelligenza artificiale)[^.!?]{0,60}?,? |in quanto [^.!?]{0,60}?, )?"
        r"non (?:posso|potrò|sono in grado di|sono autorizzat[oa] a|mi è possibile|mi è permesso)(?: proprio)? "
        r"(?:aiutarti|aiutarla|aiutarvi|aiutare|assisterti|assisterla|assistere|rispondere|fornire|fornirti|soddisfare|"
        r"generare|creare|scrivere|continuare|discutere|partecipare|farlo)\b"
    ),
    # ru
    (
        r"(?:(?:мне (?:очень )?жаль|извините|простите|прошу прощения|к сожалению|сожалею)[,.!]?\s*(?:но )?)?"
        r"(?:как (?:языковая модель|ии|искусственный интеллект)[^.!?]{0,60}?,? )?"
        r"я не (?:могу|смогу|в состоянии|буду|имею права)(?: вам| тебе)?(?: с этим| в этом)? ?"
        r"(?:помочь|помогать|ответить|отвечать|выполнить|предоставить|дать|создать|написать|обсуждать|обсудить|продолжить|"
        r"участвовать|поддержать)(?![а-яё])"
    ),
    # zh
    (
        r"(?:(?:很|非常|十分)?(?:抱歉|对不起|對不起|遗憾|遺憾)[，,。!！]?\s*(?:但是?)?)?"
        r"(?:作为(?:一个|一名)?(?:人工智能|ai|语言模型|大型语言模型)[^。！？]{0,30}?[，,]\s*)?"
        r"我(?:们)?(?:无法|不能|不可以|没有办法|没办法|無法|沒辦法|不会|不會)(?:为您|为你|為您|為你|向您|向你|给您|给你|就此)?"
        r"(?:提供|回答|回應|回应|协助|協助|帮助|幫助|帮您|帮你|幫您|幫你|满足|滿足|完成这|完成這|参与|參與|生成|讨论|討論|继续|繼續|执行|執行)"
    ),
    # ja
    (
        r"(?:(?:大変)?(?:申し訳(?:ございません|ありません|ない(?:です)?)|すみません|すいません|ごめんなさい|恐れ入ります)"
        r"(?:が|けど|けれど)?[、。,.]?\s*)"
        r"[^。！？]{0,60}?(?:お(?:手伝い|答え|応え|力)[^。！？]{0,12}(?:できません|できかねます|いたしかねます|なれません|ことはできません)|"
        r"(?:提供|回答|対応|生成|支援|協力|作成|お教え)[^。！？]{0,12}(?:できません|できかねます|いたしかねます|ことはできません))"
    ),
    (
        r"(?:その|この|ご)(?:ような)?(?:質問|要求|リクエスト|依頼|要望)[^。！？]{0,20}"
        r"(?:お(?:答え|応え|手伝い)|対応|回答)[^。！？]{0,8}(?:できません|できかねます|いたしかねます)"
    ),
    # ar
    (
        r"(?:(?:أنا )?(?:آسف|آسفة|أعتذر|عذرا|عذرًا|عذراً|المعذرة|للأسف|معذرة)(?: جدا| جدًا)?[،,.]?\s*(?:و?لكن(?:ني|ي)?[،,]?\s*)?)?"
        r"(?:(?:بصفتي|كنموذج|باعتباري)[^.!؟]{0,60}?[،,]\s*)?"
        r"(?:أنا )?(?:لا (?:أستطيع|يمكنني|أقدر|يمكن لي)|لن أستطيع|لست قادر[اًةا]* على|غير قادر[ةا]* على)(?: أن)?\s+"
        r"(?:ال)?(?:[أمت]?ساعد\w*|إجاب\w*|أجيب\w*|الإجاب\w*|تقديم|أقدم\w*|توفير|تلبية|القيام|كتابة|إنشاء|المشاركة|الاستمرار|مناقشة|تنفيذ)"
    ),
)
_BEGINS = re.compile("|".join(f"(?:{one})" for one in _REFUSALS), re.IGNORECASE)
_QUOTES = str.maketrans({"’": "'", "‘": "'", "´": "'", "\u00a0": " "})


def reads_like_refusal(text: str) -> bool:
    """Whether a short text begins by saying that its writer cannot or will not do what was asked."""
    text = text.strip().translate(_QUOTES)
    if not text or len(text) > LONGEST_REFUSAL_CHARS:
        return False
    if sum(bool(line.strip()) for line in text.splitlines()) >= _MOST_LINES or "```" in text:
        return False
    return _BEGINS.match(text.lstrip("\"'*_“«¡ ")) is not None
