"""What somebody says of themselves, and which topics they like: theirs to say, to change and to take back at any time."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from annotate.exceptions import InvalidInput
from annotate.models import AnnotatorTraits, Campaign, Interest, SelfDescription, Topic
from annotate.queries.traits import SAID
from annotate.services.campaign_values import show
from annotate.services.terms import lock_annotator
from tasks.records.self_descriptions import ANSWERS, LONGEST_ANSWER
from tasks.text.languages import BadLanguage, normalise_language
from tasks.vocabulary import SelfQuestion

#: When a guest becomes an account. What the account said of itself stands.
MOVE_DESCRIPTION = (
    """INSERT INTO annotate_selfdescription (annotator_id, question, answer, answered_at)
       SELECT %(account)s, question, answer, answered_at FROM annotate_selfdescription WHERE annotator_id = %(guest)s
       ON CONFLICT DO NOTHING""",
    "DELETE FROM annotate_selfdescription WHERE annotator_id = %(guest)s",
    """INSERT INTO annotate_interest (annotator_id, topic_id, likes, set_at)
       SELECT %(account)s, topic_id, likes, set_at FROM annotate_interest WHERE annotator_id = %(guest)s
       ON CONFLICT DO NOTHING""",
    "DELETE FROM annotate_interest WHERE annotator_id = %(guest)s",
    "DELETE FROM annotate_annotatortraits WHERE annotator_id = %(guest)s",
)
QUESTIONS = [question.value for question in SelfQuestion]


def describe_oneself(*, annotator_id: int, answers: Mapping[str, str | None], now: datetime) -> dict[str, str]:
    """Answer these questions anew, or take an answer back (None); others stay. Returns all answers that stand.

    Raises `InvalidInput` with every problem at its question; then nothing is changed.
    """
    said, taken_back = _read_answers(answers)
    with transaction.atomic():
        lock_annotator(annotator_id=annotator_id)
        mine = SelfDescription.objects.filter(annotator_id=annotator_id)
        before = dict(mine.values_list("question", "answer"))
        changed = {question: answer for question, answer in said.items() if before.get(question) != answer}
        mine.filter(question__in=[*taken_back, *changed]).delete()
        # Of which group somebody counts as is told by their answers; it is found anew within the hour.
        AnnotatorTraits.objects.filter(annotator_id=annotator_id, group__startswith=SAID).update(group="")
        SelfDescription.objects.bulk_create(
            SelfDescription(annotator_id=annotator_id, question=question, answer=answer, answered_at=now)
            for question, answer in changed.items()
        )
    kept = {question: answer for question, answer in before.items() if question not in taken_back}
    return {question: (kept | said)[question] for question in QUESTIONS if question in kept | said}


def choose_topics(
    *, annotator_id: int, campaign: Campaign, likes: Mapping[int, bool | None], now: datetime
) -> dict[int, bool]:
    """Say of these topics, by their numbers, whether one would rather be asked about them (None: no matter); others stay.

    Returns all that was said of the campaign's topics. Raises `InvalidInput` where a number is no topic of it.
    """
    topics = dict(
        Topic.objects.filter(campaign=campaign, retired_at=None, merged_into=None).values_list("number", "pk")
    )
    unknown = sorted(number for number in likes if number not in topics)
    if unknown:
        sentence = _("This campaign has no topic %(number)s. Look at its topics again: they may have changed.")
        told = {str(number): [sentence % {"number": number}] for number in unknown}
        raise InvalidInput(told[str(unknown[0])][0], details=told)
    with transaction.atomic():
        lock_annotator(annotator_id=annotator_id)
        mine = Interest.objects.filter(annotator_id=annotator_id, topic__campaign=campaign)
        mine.filter(topic__number__in=list(likes)).delete()
        Interest.objects.bulk_create(
            Interest(annotator_id=annotator_id, topic_id=topics[number], likes=liked, set_at=now)
            for number, liked in sorted(likes.items())
            if liked is not None
        )
        return dict(mine.order_by("topic__number").values_list("topic__number", "likes"))


def _read_answers(answers: Mapping[str, str | None]) -> tuple[dict[str, str], list[str]]:
    said: dict[str, str] = {}
    problems: dict[str, list[str]] = {}
    for name, answer in answers.items():
        if name not in QUESTIONS:
            sentence = _("There is no question %(name)s; the questions are %(known)s.")
            problems[name] = [sentence % {"name": show(name), "known": ", ".join(QUESTIONS)}]
        elif answer is not None:
            question = SelfQuestion(name)
            known = read_answer(question, answer)
            if known is None:
                problems[name] = [_explain(question, answer)]
            else:
                said[name] = known
    if problems:
        first = next(iter(problems))
        raise InvalidInput(f"{first}: {problems[first][0]}", details=problems)
    return said, [name for name, answer in answers.items() if answer is None]


def read_answer(question: SelfQuestion, answer: str) -> str | None:
    """The answer as it is stored; None where the question has no such answer."""
    if question is not SelfQuestion.FIRST_LANGUAGE:
        return answer if answer in ANSWERS[question] else None
    try:
        language = normalise_language(answer)
    except BadLanguage:
        return None
    return language if len(language) <= LONGEST_ANSWER else None


def _explain(question: SelfQuestion, answer: str) -> str:
    if question is SelfQuestion.FIRST_LANGUAGE:
        return _("%(answer)s is no language tag; write one such as en, de or pt-BR.") % {"answer": show(answer)}
    sentence = _("There is no answer %(answer)s; the answers are %(known)s.")
    return sentence % {"answer": show(answer), "known": ", ".join(ANSWERS[question])}
