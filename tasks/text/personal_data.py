"""Personal data in free text: patterns proven by checksums and digit counts, in linear time.

Finds what can be verified by its form; names and addresses need a model and are not looked for.
Every pattern starts where a run starts (look-behind) and repeats a bounded number of times, so that the
cost is linear in the text whatever it holds. Figures in reference tests: no hit on ordinary numbers,
dates, versions, prices and ranges.
"""

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tasks.vocabulary import PersonalDataKind

_EMAIL = re.compile(r"(?<![\w.%+-])[\w.%+-]{1,64}+@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}(?![\w-])")
_IBAN_START = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?= ?[A-Z0-9])")
_CARD = re.compile(r"(?<![\w.+-])[0-9](?:[ -]?[0-9]){12,18}(?![ -]?[0-9]|\w)")
_SSN = re.compile(r"(?<![\w-])([0-9]{3})-([0-9]{2})-([0-9]{4})(?![\w-])")
_IPV4 = re.compile(r"(?<![\w.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?!\w|\.[0-9])")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])")
_PHONE = re.compile(r"(?<![\w.,+-])(?:\+|\()?[0-9](?:[ ().\-/]{0,2}[0-9]){6,17}(?![ .,\-/]?[0-9]|\w)")
_DIGITS = re.compile(r"[0-9]+")
_HAS_DIGIT = re.compile(r"[0-9]")

#: Total length of an IBAN by country (SWIFT's registry).
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22,
    "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
    "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18,
    "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24,
    "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24,
    "XK": 20,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PersonalSpan:
    """Where in a text something personal stands: `text[start:end]`."""

    kind: PersonalDataKind
    start: int
    end: int


def find_personal_data(text: str) -> tuple[PersonalSpan, ...]:
    """Return what was found, in order of position, without overlaps; the more certain kind wins."""
    found: list[PersonalSpan] = []
    taken = bytearray(len(text))
    for kind, find in _FINDERS:
        for start, end in find(text):
            if taken.find(1, start, end) < 0:
                taken[start:end] = b"\x01" * (end - start)
                found.append(PersonalSpan(kind, start, end))
    return tuple(sorted(found, key=lambda span: span.start))


def count_personal_data(texts: Iterable[str]) -> dict[PersonalDataKind, int]:
    """Return how many spans of each kind the texts hold. Every kind is named; zero means looked for and not found."""
    counts: Counter[PersonalDataKind] = Counter()
    for text in texts:
        counts.update(span.kind for span in find_personal_data(text))
    return {kind: counts[kind] for kind in PersonalDataKind}


def redact_personal_data(text: str) -> str:
    """Return `text` with each span replaced by its kind in brackets: `[email]`."""
    parts: list[str] = []
    position = 0
    for span in find_personal_data(text):
        parts += [text[position : span.start], f"[{span.kind}]"]
        position = span.end
    return "".join([*parts, text[position:]])


def passes_luhn(digits: str) -> bool:
    """Check the last digit by Luhn's formula (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def passes_mod97(iban: str) -> bool:
    """Check an IBAN without blanks by ISO 7064, mod 97-10."""
    rearranged = iban[4:] + iban[:4]
    return int("".join(str(int(character, 36)) for character in rearranged)) % 97 == 1


def _find_emails(text: str) -> Iterator[tuple[int, int]]:
    if "@" in text:
        for match in _EMAIL.finditer(text):
            yield match.span()


def _find_ibans(text: str) -> Iterator[tuple[int, int]]:
    for match in _IBAN_START.finditer(text):
        length = _IBAN_LENGTHS.get(match.group()[:2])
        if length is None:
            continue
        end, iban = _take_alphanumerics(text, start=match.start(), count=length)
        if len(iban) == length and not text[end : end + 1].isalnum() and passes_mod97(iban):
            yield match.start(), end


def _take_alphanumerics(text: str, *, start: int, count: int) -> tuple[int, str]:
    """Collect `count` characters A–Z, 0–9 from `start`, single blanks between them allowed; also where they end."""
    taken: list[str] = []
    position = start
    while position < len(text) and len(taken) < count:
        character = text[position]
        if character.isascii() and (character.isdigit() or character.isupper()):
            taken.append(character)
        elif character != " " or text[position - 1] == " ":
            break
        position += 1
    return position, "".join(taken)


def _find_cards(text: str) -> Iterator[tuple[int, int]]:
    for match in _CARD.finditer(text):
        digits = "".join(_DIGITS.findall(match.group()))
        if _is_card_number(digits):
            yield match.span()


def _is_card_number(digits: str) -> bool:
    """Tell whether issuer prefix and length fit a payment card, and the checksum holds."""
    length, two, four = len(digits), int(digits[:2]), int(digits[:4])
    fits = (
        (digits[0] == "4" and length in (13, 16, 19))
        or ((51 <= two <= 55 or 2221 <= four <= 2720) and length == 16)
        or (two in (34, 37) and length == 15)
        or ((four == 6011 or two in (35, 62, 65) or 644 <= int(digits[:3]) <= 649) and 16 <= length <= 19)
        or (two in (30, 36, 38, 39) and length == 14)
    )
    return fits and len(set(digits)) > 1 and passes_luhn(digits)


def _find_ssns(text: str) -> Iterator[tuple[int, int]]:
    for match in _SSN.finditer(text):
        area, group, serial = (int(part) for part in match.groups())
        if area not in (0, 666) and area < 900 and group and serial:
            yield match.span()


def _find_ips(text: str) -> Iterator[tuple[int, int]]:
    """Find public addresses only: a private one says nothing about a person."""
    for match in _IPV4.finditer(text):
        if _is_public_address(match.group()):
            yield match.span()
    for match in _IPV6.finditer(text):
        if _is_public_address(match.group()):
            yield match.span()


def _is_public_address(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        return parsed.is_global and (int(parsed) >> 125) == 0b001
    # A first number below ten is far more often the version of a program.
    return parsed.is_global and int(parsed) >> 24 >= 10


def _find_phones(text: str) -> Iterator[tuple[int, int]]:
    for match in _PHONE.finditer(text):
        if _is_phone_number(match.group()):
            yield match.span()


def _is_phone_number(found: str) -> bool:
    """Tell a phone number from other digits: an international prefix, a North American or a trunk-zero grouping."""
    groups = _DIGITS.findall(found)
    digits = "".join(groups)
    sizes = tuple(len(group) for group in groups)
    if found.startswith("+"):
        return 8 <= len(digits) <= 15 and digits[0] != "0"
    if digits.startswith("00"):
        return 10 <= len(digits) <= 17 and digits[2] != "0" and len(groups) > 1
    if sizes in ((3, 3, 4), (1, 3, 3, 4)):
        area, exchange = groups[-3:-1]
        return area[0] in "23456789" and exchange[0] in "23456789" and (len(groups) == 3 or groups[0] == "1")
    if digits[0] == "0":
        is_decimal = "." in found and set(sizes) != {2}
        return 9 <= len(digits) <= 11 and len(groups) <= 5 and min(sizes) >= 2 and not is_decimal
    return False


def _only_with_digits(find: Callable[[str], Iterator[tuple[int, int]]]) -> Callable[[str], Iterator[tuple[int, int]]]:
    def find_where_digits_are(text: str) -> Iterator[tuple[int, int]]:
        if _HAS_DIGIT.search(text):
            yield from find(text)

    return find_where_digits_are


#: The order is the precedence: a checksum proves more than a grouping.
_FINDERS: tuple[tuple[PersonalDataKind, Callable[[str], Iterator[tuple[int, int]]]], ...] = (
    (PersonalDataKind.EMAIL, _find_emails),
    (PersonalDataKind.IBAN, _only_with_digits(_find_ibans)),
    (PersonalDataKind.CARD, _only_with_digits(_find_cards)),
    (PersonalDataKind.SSN, _only_with_digits(_find_ssns)),
    (PersonalDataKind.IP_ADDRESS, _find_ips),
    (PersonalDataKind.PHONE, _only_with_digits(_find_phones)),
)
