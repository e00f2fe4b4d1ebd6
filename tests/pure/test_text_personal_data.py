"""Personal data is found by form and checksum, ordinary numbers are not, and hostile texts cost no more than others."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.text.personal_data import (
    PersonalSpan,
    count_personal_data,
    find_personal_data,
    passes_luhn,
    passes_mod97,
    redact_personal_data,
)
from tasks.vocabulary import PersonalDataKind


def find_kinds(text):
    return [(span.kind.value, text[span.start : span.end]) for span in find_personal_data(text)]


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        ("Write to jane.doe+lists@mail.example.org.", "email", "jane.doe+lists@mail.example.org"),
        ("müller@büro.example schrieb", "email", "müller@büro.example"),
        ("call +44 20 7946 0958 now", "phone", "+44 20 7946 0958"),
        ("call (212) 555-0147", "phone", "(212) 555-0147"),
        ("212.555.0147", "phone", "212.555.0147"),
        ("tel. 030 1234567", "phone", "030 1234567"),
        ("06 12 34 56 78", "phone", "06 12 34 56 78"),
        ("0049 30 1234567", "phone", "0049 30 1234567"),
        ("card 4111 1111 1111 1111 exp", "card", "4111 1111 1111 1111"),
        ("5500-0000-0000-0004", "card", "5500-0000-0000-0004"),
        ("amex 378282246310005", "card", "378282246310005"),
        ("IBAN DE89 3704 0044 0532 0130 00 please", "iban", "DE89 3704 0044 0532 0130 00"),
        ("GB82WEST12345698765432", "iban", "GB82WEST12345698765432"),
        ("DE89370400440532013000 AND MORE", "iban", "DE89370400440532013000"),
        ("SSN 123-45-6789", "ssn", "123-45-6789"),
        ("from 93.184.216.34 at noon", "ip_address", "93.184.216.34"),
        ("2606:2800:220:1:248:1893:25c8:1946", "ip_address", "2606:2800:220:1:248:1893:25c8:1946"),
    ],
)
def test_personal_data_is_found_where_it_stands(text, kind, found):
    assert find_kinds(text) == [(kind, found)]


@pytest.mark.parametrize(
    "text",
    [
        "Read pages 1000-1250 of 1984.",
        "On 2023-03-01 at 22:54:26.288924",
        "Version 1.2.3.4 of the library",
        "It costs 1,234,567.89 or 1.234.567,89",
        "0.123456789 and 3.14159265358979",
        "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
        "4111 1111 1111 1112",
        "DE89 3704 0044 0532 0130 01",
        "000-12-3456, 666-12-3456, 900-12-3456, 123-00-4567",
        "192.168.1.1, 127.0.0.1 and 10.0.0.1",
        "999.999.999.999",
        "std::vector<int> a::b",
        "x @ y, @name, name@, a@b",
        "call me maybe",
        "0000000000000000",
        "",
    ],
)
def test_ordinary_text_holds_no_personal_data(text):
    assert find_kinds(text) == []


def test_an_address_in_two_readings_counts_once():
    assert find_kinds("93.184.216.34 or +49 30 1234567 or a@b.example") == [
        ("ip_address", "93.184.216.34"),
        ("phone", "+49 30 1234567"),
        ("email", "a@b.example"),
    ]


def test_every_kind_is_counted_also_when_there_is_none():
    counts = count_personal_data(["a@b.example and c@d.example", "nothing", "123-45-6789"])
    assert counts == {
        PersonalDataKind.EMAIL: 2,
        PersonalDataKind.PHONE: 0,
        PersonalDataKind.CARD: 0,
        PersonalDataKind.IBAN: 0,
        PersonalDataKind.IP_ADDRESS: 0,
        PersonalDataKind.SSN: 1,
    }


def test_redacting_leaves_the_rest_of_the_text():
    assert redact_personal_data("Mail a@b.example or call +44 20 7946 0958.") == "Mail [email] or call [phone]."


@given(st.text(alphabet="0123456789 .-+()/@:abcDE\n", max_size=200))
def test_spans_are_in_order_and_apart(text):
    spans = find_personal_data(text)
    assert all(left.end <= right.start for left, right in itertools.pairwise(spans))
    assert all(0 <= span.start < span.end <= len(text) for span in spans)


@given(st.text(alphabet="0123456789 .-+()/@:abcDE\n", max_size=200))
def test_a_text_around_nothing_is_redacted_to_itself_and_only_to_it(text):
    assert (redact_personal_data(text) == text) == (not find_personal_data(text))


@given(st.integers(min_value=10**14, max_value=10**15 - 1))
def test_exactly_one_last_digit_satisfies_luhn(number):
    assert sum(passes_luhn(f"{number}{digit}") for digit in range(10)) == 1


def test_a_changed_digit_breaks_an_iban():
    assert passes_mod97("GB82WEST12345698765432")
    assert not passes_mod97("GB82WEST12345698765431")


@pytest.mark.parametrize(
    "piece",
    ["a", "a.", "a@", "@a", "a@a-", "1", "1 ", "1-", "1.", "(1", "+1", "A1", "AB12 ", "DE89 ", ":", "a:", "1:", "0 0-"],
)
def test_half_a_million_hostile_characters_are_scanned(piece):
    # With backtracking over the whole text this would not end within a day.
    text = piece * (500_000 // len(piece))
    assert isinstance(find_personal_data(text), tuple)


def test_many_spans_in_one_text_are_all_found():
    text = "a@b.example " * 40_000
    assert len(find_personal_data(text)) == 40_000
    assert find_personal_data(text)[0] == PersonalSpan(PersonalDataKind.EMAIL, 0, 11)
