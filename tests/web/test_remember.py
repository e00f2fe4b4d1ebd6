"""Parts of pages that are rendered once a process."""

import pytest
from django.template import Context, Template, TemplateSyntaxError
from django.utils.translation import override

from annotate.templatetags import remember

PART = Template("{% load remember i18n %}{% remember by kind n %}{{ kind }} {{ n }} {{ other }}{% endremember %}")


def render(template: Template = PART, **values: object) -> str:
    return template.render(Context(values))


def test_part_is_rendered_once_for_the_values_that_it_depends_on() -> None:
    assert render(kind="rank", n=4, other="first") == "rank 4 first"
    assert render(kind="rank", n=4, other="second") == "rank 4 first"
    assert render(kind="rank", n=3, other="third") == "rank 3 third"


def test_none_and_its_name_are_two_values() -> None:
    assert render(kind=None, n=1, other="a") != render(kind="None", n=1, other="b")


def test_every_language_has_its_own() -> None:
    template = Template(
        "{% load remember i18n %}{% remember by 1 %}{% get_current_language as L %}{{ L }}{% endremember %}"
    )
    told = []
    for language in ("en", "de", "en"):
        with override(language):
            told.append(render(template))
    assert told == ["en", "de", "en"]


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remember, "MOST_KEPT", 3)
    template = Template("{% load remember %}{% remember by n %}{{ n }}{% endremember %}")
    assert [render(template, n=n) for n in range(10)] == [str(n) for n in range(10)]
    assert len(template.nodelist[1].kept) <= 3


def test_part_without_its_values_is_refused() -> None:
    with pytest.raises(TemplateSyntaxError, match="with every value"):
        Template("{% load remember %}{% remember %}{% endremember %}")


def test_block_in_what_is_remembered_is_refused() -> None:
    with pytest.raises(TemplateSyntaxError, match="inside the block"):
        Template("{% load remember %}{% remember by 1 %}{% block main %}{% endblock %}{% endremember %}")
