"""A refusal is told from an answer in ten languages; where in doubt, it is an answer."""

import time

import pytest

from tasks.generation.refusals import LONGEST_REFUSAL_CHARS, reads_like_refusal

REFUSALS = [
    "I'm sorry, but I can't help with that.",
    "I’m sorry, but I can’t assist with that request.",
    "I cannot fulfill this request.",
    "Sorry, I can't do that.",
    "I apologize, but I cannot provide instructions for that.",
    "As an AI language model, I cannot give advice on this. Please ask a professional.",
    "I'm sorry, but as an AI I am not able to help with that.",
    "I must respectfully decline to write this.",
    "Unfortunately, I am unable to assist you with this.",
    "I won't help with that.",
    "I'm not comfortable discussing this topic.",
    "That is not something I can help with.",
    "Es tut mir leid, aber dabei kann ich nicht helfen.",
    "Tut mir leid, aber ich kann dir bei dieser Anfrage nicht weiterhelfen.",
    "Das kann ich leider nicht beantworten.",
    "Leider kann ich dir dabei nicht helfen.",
    "Ich kann dazu keine Anleitung geben.",
    "Lo siento, pero no puedo ayudarte con eso.",
    "No puedo proporcionar esa información.",
    "Lo siento, no puedo cumplir con esa solicitud.",
    "Je suis désolé, mais je ne peux pas vous aider avec cela.",
    "Désolée, je ne peux pas répondre à cette demande.",
    "Je ne suis pas en mesure de vous fournir ces informations.",
    "Desculpe, mas não posso ajudar com isso.",
    "Sinto muito, mas não posso fornecer essas informações.",
    "Como um modelo de linguagem, não posso ajudá-lo com isso.",
    "Mi dispiace, ma non posso aiutarti con questo.",
    "Purtroppo non posso fornire queste informazioni.",
    "Извините, но я не могу вам с этим помочь.",
    "К сожалению, я не могу ответить на этот вопрос.",
    "Как языковая модель, я не могу предоставить такую информацию.",
    "很抱歉，我无法提供相关帮助。",
    "对不起，我不能回答这个问题。",
    "抱歉，我無法協助您完成這個請求。",
    "作为一个人工智能，我无法为您提供此类信息。",
    "申し訳ありませんが、そのご質問にはお答えできません。",
    "申し訳ございませんが、お手伝いすることはできません。",
    "すみません、その要求には対応できません。",
    "عذرًا، لا أستطيع مساعدتك في ذلك.",
    "آسف، لا يمكنني تقديم هذه المعلومات.",
    "أعتذر، ولكن لا يمكنني الإجابة على هذا السؤال.",
]
ANSWERS = [
    "I'm sorry for your loss. Would you like to talk about her?",
    "I cannot recommend this book enough!",
    "I can't help but notice that your code lacks a semicolon.",
    "I can't help noticing that it rains.",
    "I cannot stress enough how important sleep is.",
    "Sorry, the shop is closed on Mondays; it opens again on Tuesday at nine.",
    "I won't lie: it is a hard exam. Start early and practise old papers.",
    "You can't help with that unless you are a member.",
    "No. Penguins cannot fly, but they swim very well.",
    "As an AI language model, I find this poem's rhythm striking, and its rhyme scheme is ABBA.",
    "I can't provide an exact number, but about ten fit into the box.",
    "I won't give you the answer at once: think of a number whose square is 49.",
    "I will not give up, said the little train, and it climbed the hill.",
    "I can't give a number without the data, but ten is a fair guess for a small town.",
    "Ich kann nicht glauben, dass der Sommer vorbei ist.",
    "Es tut mir leid, dass du dich so fühlst. Magst du erzählen, was geschehen ist?",
    "Leider kann man das Brot nicht einfrieren.",
    "Ich kann nur empfehlen, den Teig nicht zu lange zu kneten.",
    "Lo siento mucho por tu pérdida.",
    "No puedo dejar de pensar en ese libro.",
    "No puedo ayudarte más de lo que ya hice, dijo el mago, y desapareció.",
    "Je suis désolé pour votre perte.",
    "Je ne peux que vous recommander ce restaurant.",
    "Je ne peux pas croire que ce soit déjà l'hiver.",
    "Não posso deixar de recomendar este filme.",
    "Sinto muito pela sua perda.",
    "Mi dispiace per la tua perdita.",
    "Non posso che consigliarti questo libro.",
    "Мне очень жаль, что так случилось. Хотите поговорить об этом?",
    "Я не могу не согласиться с вами: книга прекрасна.",
    "我不能同意更多，这本书非常好。",
    "很抱歉听到这个消息，希望你一切都好。",
    "申し訳ありませんが、電車が遅れています、と駅員は言いました。",
    "それはできます。まず、水を沸かしてください。",
    "أنا آسف لسماع ذلك. كيف حالك الآن؟",
    "لا يمكنني إلا أن أوصي بهذا الكتاب.",
    "",
    "   ",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_seen(text):
    assert reads_like_refusal(text)


@pytest.mark.parametrize("text", ANSWERS)
def test_an_answer_is_no_refusal(text):
    assert not reads_like_refusal(text)


def test_what_is_long_or_has_many_lines_or_code_is_an_answer():
    refusal = "I'm sorry, but I can't help with that."
    assert reads_like_refusal(f"{refusal} " + "x" * (LONGEST_REFUSAL_CHARS - len(refusal) - 1))
    assert not reads_like_refusal(f"{refusal} " + "x" * LONGEST_REFUSAL_CHARS)
    assert not reads_like_refusal(refusal + "\n1. Ask a doctor\n2. Call a friend\n3. Rest\n4. Read")
    assert not reads_like_refusal(refusal + "\n```\nprint()\n```")


def test_a_refusal_further_on_is_part_of_an_answer():
    assert not reads_like_refusal("The clerk frowned. I'm sorry, but I can't help with that, she said.")


@pytest.mark.parametrize("piece", ["I am sorry ", "ich kann ", "，", "は", "no puedo ", "لا ", "as an ai ", " "])
def test_no_text_takes_long(piece):
    started = time.process_time()
    for length in (100, 300, LONGEST_REFUSAL_CHARS):
        reads_like_refusal((piece * LONGEST_REFUSAL_CHARS)[:length])
    assert time.process_time() - started < 5  # a pattern that goes back again and again takes minutes
