"""Pieces of pages that are put in as if they stood there."""

import pytest
from django.template import Context, Engine, TemplateSyntaxError

ENGINE = Engine(
    loaders=[
        (
            "django.template.loaders.locmem.Loader",
            {
                "_one.html": "{{ number }} {% if forloop.last %}end{% else %}then {% endif %}",
                "all.html": '{% load piece %}{% for number in numbers %}{% piece "_one.html" %}{% endfor %}',
            },
        )
    ],
    libraries={"piece": "annotate.templatetags.piece"},
)


def test_piece_sees_all_that_its_page_sees() -> None:
    assert ENGINE.get_template("all.html").render(Context({"numbers": [1, 2]})) == "1 then 2 end"


@pytest.mark.parametrize("tag", ["piece", "piece name", 'piece "_one.html" with a=1', "piece \"_one.html'"])
def test_piece_without_a_fixed_name_is_refused(tag: str) -> None:
    with pytest.raises(TemplateSyntaxError, match="with values of its own use include"):
        ENGINE.from_string(f"{{% load piece %}}{{% {tag} %}}")
