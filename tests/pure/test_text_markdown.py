"""What a reader sees: Markdown as its writers mean it, in every script, with code, tables and maths."""

from __future__ import annotations

import pytest

from tasks.text.markdown.links import find_target
from tasks.text.markdown.measure import count_lines, count_words
from tasks.text.markdown.render import render_markdown
from tasks.text.markdown.unseen import MAX_MARKS, clean_source, write_text
from tests.html_walk import walk


def html_of(text: str) -> str:
    return render_markdown(text).html


def words_of(text: str) -> str:
    return "".join(walk(html_of(text)).words)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("one\ntwo", '<p dir="auto">one<br>two</p>'),
        ("*a* **b** ~~c~~", '<p dir="auto"><em>a</em> <strong>b</strong> <del>c</del></p>'),
        ("`a < b`", '<p dir="auto"><code dir="auto">a &lt; b</code></p>'),
        ("---", "<hr>"),
        ("1. a\n2. b", '<ol dir="ltr"><li dir="ltr">a</li><li dir="ltr">b</li></ol>'),
        ("7. a", '<ol dir="ltr" start="7"><li dir="ltr">a</li></ol>'),
        ("> a", '<blockquote dir="ltr"><p dir="auto">a</p></blockquote>'),
        (
            "- [ ] a\n- [x] b",
            (
                '<ul dir="ltr"><li dir="ltr"><span class="box" role="img" aria-label="to do">☐</span> a</li>'
                '<li dir="ltr"><span class="box" role="img" aria-label="done">☑</span> b</li></ul>'
            ),
        ),
        ("5 &lt; 6 &copy; \\*", '<p dir="auto">5 &lt; 6 © *</p>'),
        ("", ""),
        (" \n\t\n", ""),
    ],
)
def test_ordinary_marks_become_their_tags(text: str, html: str):
    assert html_of(text) == html


def test_headings_start_below_those_of_the_page_and_never_skip_a_level():
    tags = [tag for tag in walk(html_of("# a\n\n#### b\n\n## c\n\n###### d\n\n# e\n\n#\n")).tags if tag[0] == "h"]
    assert tags == ["h3", "h4", "h4", "h5", "h3"]


def test_a_table_scrolls_by_itself_and_keeps_its_alignment():
    assert html_of("| a | b | |\n|:-:|--:|---|\n| 1 | 2 | x |") == (
        '<div class="scroll" tabindex="0" role="group" aria-label="Table"><table dir="ltr"><thead><tr>'
        '<th scope="col" dir="auto" class="center">a</th><th scope="col" dir="auto" class="end">b</th><td dir="auto"></td>'
        '</tr></thead><tbody><tr><td dir="auto" class="center">1</td><td dir="auto" class="end">2</td><td dir="auto">x</td>'
        "</tr></tbody></table></div>"
    )


def test_code_has_the_colours_of_its_language_and_says_which_it_is():
    assert html_of("```python\nx = 1  # one\n```") == (
        '<pre dir="ltr" tabindex="0" role="group" aria-label="Code, python"><code dir="ltr">x = <span class="n">1</span>'
        '  <span class="c"># one</span></code></pre>'
    )


def test_code_of_a_language_that_nobody_knows_is_plain():
    assert html_of("```brainfudge\nx = 1\n```") == (
        '<pre dir="ltr" tabindex="0" role="group" aria-label="Code"><code dir="ltr">x = 1</code></pre>'
    )


@pytest.mark.parametrize(
    "language", ["python", "js", "html", "c++", "sql", "yaml", "rust", "php", "tex", "diff", "json"]
)
def test_colours_change_no_character_of_the_code(language: str):
    code = "\n\n  <b>&amp; 'x' \"y\" # // -- /* \\\n\tif (a) { return 1.5e3; }\n<?php echo 1 ?>\n+ b\n- c\n"
    assert words_of(f"```{language}\n{code}```") == code.rstrip("\n")


@pytest.mark.parametrize(
    "text",
    [
        "$x^2$",
        "\\(x^2\\)",
        "$$x^2$$",
        "\\[x^2\\]",
        "$$\nx^2\n$$",
        "\\[\nx^2\n\\]",
        "a\n\\[\nx^2\n\\]\nb",
        "> $$\n> x^2\n> $$",
    ],
)
def test_maths_in_each_way_of_writing_is_mathml(text: str):
    html = html_of(text)
    assert (html.count("<msup><mi>x</mi><mn>2</mn></msup>"), html.count("display=")) == (1, 1)
    assert ('display="block"' in html) == ("$$" in text or "\\[" in text)


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5 and $10.",
        "$5, $10 or $20",
        "between $5-$10",
        "US$5 and AU$10",
        "$5 or US$",
        "from $20 million to 30$",
        "a $ b $ c",
        "$HOME and $PATH",
        "cost: 5$, 6$",
        "\\$x\\$",
        "$$",
        "$ x$",
        "`$x$`",
        "$\n\nx$",
    ],
)
def test_dollars_that_are_money_or_names_are_no_maths(text: str):
    assert "<math" not in html_of(text)


def test_formulas_of_the_usual_kinds_convert():
    formulas = [
        r"\frac{a}{b}", r"\sqrt[3]{x}", r"\sum_{i=1}^{n} i", r"\int_0^\infty e^{-x}\,dx", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}",
        r"\alpha \le \beta \ne \gamma", r"\text{if } x > 0", r"\mathbb{R}^n", r"\lim_{x \to 0} \frac{\sin x}{x}",
        r"\begin{cases}1 & x>0\\0 & x\le 0\end{cases}", r"\overline{AB} \perp \vec{v}", r"f'(x) = \left(\frac{1}{2}\right)^2",
        r"\begin{aligned}a&=b\\c&=d\end{aligned}", r"5\% \cdot \$3",
    ]  # fmt: skip
    assert [latex for latex in formulas if "<math" not in html_of(f"\\({latex}\\)")] == []


def test_aligned_equations_have_their_columns_and_no_ampersands():
    html = html_of(r"\[\begin{aligned}a&=b\\c&=d\end{aligned}\]")
    assert (html.count("<mtr>"), "&amp;" in html) == (2, False)


@pytest.mark.parametrize("formula", ["$\\frac{a$", "$\\ce{H2O}$", "$\\unknown x$"])
def test_a_formula_that_cannot_be_converted_is_shown_as_it_was_written(formula: str):
    assert html_of(f"see {formula}") == f'<p dir="auto">see <code dir="auto">{formula}</code></p>'


def test_a_wide_formula_scrolls_by_itself_and_a_short_one_stays_in_its_line():
    assert 'tabindex="0"' in html_of("$" + "x+" * 30 + "y$")
    assert "tabindex" not in html_of("$x+y$")


def test_formulas_reach_over_no_neighbour():
    html = html_of(r"$x\hspace{-50em}y\hspace{99999em}z\hspace{2em}w$")
    assert [value for value in ("-50", "99999", "2em") if value in html] == ["2em"]


@pytest.mark.parametrize(
    ("text", "to", "words"),
    [
        ("[x](https://a.example/b?c=d&e#f)", "https%3A%2F%2Fa.example%2Fb%3Fc%3Dd%26e%23f", "x"),
        ("<https://a.example>", "https%3A%2F%2Fa.example", "https://a.example"),
        ("(see https://a.example/b_c_d(e)).", "https%3A%2F%2Fa.example%2Fb_c_d%28e%29", "https://a.example/b_c_d(e)"),
        ("www.a.example, yes", "http%3A%2F%2Fwww.a.example", "www.a.example"),
        ("[x][1]\n\n[1]: https://a.example", "https%3A%2F%2Fa.example", "x"),
        ("<a@b.example>", "mailto%3Aa%40b.example", "a@b.example"),
        ("[](https://a.example)", "https%3A%2F%2Fa.example", "https://a.example"),
    ],
)
def test_a_link_leads_to_the_page_that_asks(text: str, to: str, words: str):
    link = f'<a href="/away/?to={to}" dir="auto" rel="nofollow noopener noreferrer ugc">{words}</a>'
    assert link in html_of(text)


@pytest.mark.parametrize(
    "text", ["[x](/me/)", "[x](#main)", "[x](ftp://a.example)", "[x](tel:1)", "[x](<https://a b>)"]
)
def test_an_address_that_leads_nowhere_we_name_is_no_link(text: str):
    reader = walk(html_of(text))
    assert (reader.links, "x" in "".join(reader.words)) == ([], True)


def test_right_to_left_paragraphs_lists_and_tables_run_their_own_way():
    html = html_of("مرحبا world\n\nHello\n\n- שלום\n- two\n- [x] تم\n\n> اقتباس\n\n| اسم | b |\n|-|-|\n| 1 | 2 |")
    assert html == (
        '<p dir="auto">مرحبا world</p><p dir="auto">Hello</p><ul dir="rtl"><li dir="rtl">שלום</li><li dir="ltr">two</li>'
        '<li dir="rtl"><span class="box" role="img" aria-label="done">☑</span> تم</li></ul>'
        '<blockquote dir="rtl"><p dir="auto">اقتباس</p></blockquote>'
        '<div class="scroll" tabindex="0" role="group" aria-label="Table"><table dir="rtl"><thead><tr>'
        '<th scope="col" dir="auto">اسم</th><th scope="col" dir="auto">b</th></tr></thead>'
        '<tbody><tr><td dir="auto">1</td><td dir="auto">2</td></tr></tbody></table></div>'
    )


@pytest.mark.parametrize(
    "text",
    [
        "漢字とかな、한국어。",
        "می‌خواهم",
        "👩‍👩‍👧‍👦 ❤️‍🔥 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "ภาษาไทย\u200bคำ",
        "\u200fא\u200e a",
        "हिन्दी, தமிழ்",
        "Việt e\u0323\u0302",
        "\u2067א\u2069",
    ],
)
def test_every_script_and_emoji_is_shown_as_written(text: str):
    assert html_of(text) == f'<p dir="auto">{text}</p>'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202eb", 'a<span class="unseen">U+202E</span>b'),
        ("a\u200b\u200c\u200d\u200bb", 'a<span class="unseen">U+200B ×4</span>b'),
        ("a\x07b", 'a<span class="unseen">U+0007</span>b'),
        ("a\x00b\ud800", "a\ufffdb\ufffd"),
        ("a" + "\u0301" * (MAX_MARKS + 3), "a" + "\u0301" * MAX_MARKS + '<span class="unseen">U+0301 ×3</span>'),
        ("a" + "".join(chr(0xE0000 + ord(letter)) for letter in "hi"), 'a<span class="unseen">U+E0068 ×2</span>'),
        ("a\ufe0f\ufe00", 'a<span class="unseen">U+FE0F ×2</span>'),
    ],
)
def test_what_hides_is_shown_by_its_number(text: str, shown: str):
    assert html_of(text) == f'<p dir="auto">{shown}</p>'


def test_in_code_everything_that_hides_is_shown():
    assert write_text("a\u200bb\u2066", code=True) == (
        'a<span class="unseen">U+200B</span>b<span class="unseen">U+2066</span>'
    )


def test_every_kind_of_line_end_is_one():
    assert clean_source("a\r\nb\rc\u2028d\u2029e\u0085f") == "a\nb\nc\nd\ne\nf"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("It's two", 2),
        ("漢字です", 4),
        ("naïve café", 2),
        ("ภาษาไทย", 2),
        ("مرحبا بالعالم", 2),
        ("- a\n- b", 2),
    ],
)
def test_words_are_counted_in_any_script(text: str, words: int):
    assert count_words(text) == words


def test_a_text_over_a_screen_is_long():
    assert [render_markdown("a\n" * lines).is_long for lines in (29, 31)] == [False, True]
    assert [count_lines(text) for text in ("a" * 58, "a" * 59, "漢" * 58)] == [1, 2, 2]


@pytest.mark.parametrize(
    ("address", "host", "shown", "said"),
    [
        ("https://a.example/b", "a.example", "a.example", ""),
        ("HTTPS://A.Example", "a.example", "a.example", ""),
        ("https://good.example@evil.example/", "evil.example", "evil.example", "good.example"),
        ("https://bücher.example", "xn--bcher-kva.example", "bücher.example", ""),
        ("https://xn--80ak6aa92e.example", "xn--80ak6aa92e.example", "аррӏе.example", ""),
        ("http://127.0.0.1:8000/x", "127.0.0.1", "127.0.0.1", ""),
        ("http://[::1]/x", "[::1]", "[::1]", ""),
        ("mailto:a@b.example", "b.example", "b.example", ""),
    ],
)
def test_the_host_of_an_address_is_told(address: str, host: str, shown: str, said: str):
    target = find_target(address)
    assert target is not None
    assert (target.host, target.shown_host, target.said) == (host, shown, said)
    assert "@" not in target.address or target.scheme == "mailto"
    assert target.address.isascii()


@pytest.mark.parametrize(
    "address",
    ["", "x", "https://", "https:///x", "https:x", "javascript:1", " https://a.example", "https://a.example\\@b", "https://a b/",
     "https://2130706433/", "https://0x7f.1/", "https://%61.example/", "https://[::1", "https://a:99999/", "mailto:a", "mailto:a@b@c",
     "mailto:a@b.example?subject=x", "https://-a.example/", "https://" + "a" * 64 + ".example", "https://a.example/" + "b" * 2_000],
)  # fmt: skip
def test_what_is_no_ordinary_address_leads_nowhere(address: str):
    assert find_target(address) is None
