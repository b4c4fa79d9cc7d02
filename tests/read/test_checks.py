"""Numbers in use hold, slips don't, and checks that no number can meet are told."""

import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkdigits.errors import ArgumentError
from inkdigits.read.checks import MOST_DIGITS, Checks, objection, parse

CARDS = ("79927398713", "4111111111111111", "378282246310005", "5555555555554444")
"""The example of ISO/IEC 7812 that Wikipedia works out, and the card companies' test numbers."""

BOOKS = ("0306406152", "0262033844", "9434765919")
"""ISBN-10 of books (the first is Wikipedia's example), and the NHS's example of a number."""


@pytest.mark.parametrize(
    ("checks", "text", "reason"),
    [
        (Checks(length=6), "123456", None),
        (Checks(length=6), "12345", "has 5 digits, 6 were expected"),
        (Checks(length=1), "12", "has 2 digits, 1 was expected"),
        (Checks(length=2), "1", "has 1 digit, 2 were expected"),
        (Checks(least=10, most=9999), "0010", None),
        (Checks(least=10, most=9999), "9999", None),
        (Checks(least=10, most=9999), "10000", "is above 9999"),
        (Checks(least=10, most=9999), "009", "is below 10"),
        (Checks(check_digit="luhn"), "79927398710", "fails the Luhn check"),
        (Checks(check_digit="mod11"), "0306406125", "fails the mod 11 check"),
        (Checks(check_digit="mod11"), "00306406152", "fails the mod 11 check"),
        (Checks(pattern="##.##.19##"), "24121987", None),
        (Checks(pattern="##.##.19##"), "24122087", "doesn't fit the pattern ##.##.19##"),
        (Checks(pattern="19##"), "19871", "has 5 digits, 4 were expected"),
        (Checks(allowed=("007", "7")), "007", None),
        (Checks(allowed=("007", "7")), "07", "isn't in the list"),
        (Checks(length=2, allowed=("12",)), "123", "has 3 digits, 2 were expected"),
        (Checks(), "", "has no digits"),
        (Checks(), "12a", "isn't a number"),
        (Checks(), "٣", "isn't a number"),
        (Checks(), "0" * 65, "has 65 digits, at most 64 were expected"),
    ],
)
def test_a_number_holds_or_the_reason_is_told(checks: Checks, text: str, reason: str | None) -> None:
    assert objection(checks, text) == reason


@pytest.mark.parametrize(
    ("name", "numbers", "missed"), [("luhn", CARDS, {"09", "90"}), ("mod11", BOOKS, set[str]())]
)
def test_a_check_digit_finds_one_wrong_digit_and_two_swapped(
    name: str, numbers: tuple[str, ...], missed: set[str]
) -> None:
    checks = Checks(check_digit=name)
    for number in numbers:
        assert objection(checks, number) is None
        for at, digit in enumerate(number):
            others = set("0123456789") - {digit}
            assert all(objection(checks, number[:at] + other + number[at + 1 :]) for other in others)
        for at in range(len(number) - 1):
            pair = number[at : at + 2]
            swapped = number[:at] + pair[::-1] + number[at + 2 :]
            assert objection(checks, swapped) or pair in missed or pair == pair[::-1]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"length": 0}, "length is 0, but has to lie between 1 and 64"),
        ({"length": 65}, "length is 65, but has to lie between 1 and 64"),
        ({"length": 4.0}, "length is 4.0, but has to be a whole number"),
        ({"most": True}, "most is True, but has to be a whole number"),
        ({"least": -1}, "least is -1, but has to lie between 0 and 10^64 - 1"),
        ({"least": 7, "most": 5}, "least is 7, but has to be at most 5, which is most"),
        (
            {"least": 10000, "length": 4},
            "least is 10000, but no number of that length or pattern is above 9999",
        ),
        (
            {"most": 1899, "pattern": "19##"},
            "most is 1899, but no number of that length or pattern is below 1900",
        ),
        ({"pattern": "19##", "length": 5}, "pattern 19## shows 4 digits, but length is 5"),
        ({"pattern": "19?"}, "pattern is '19?', but has to show 1 to 64 digits, # for any: 19##"),
        ({"pattern": "-"}, "pattern is '-', but has to show 1 to 64 digits, # for any: 19##"),
        ({"pattern": 19}, "pattern is 19, but has to be a text"),
        ({"check_digit": "mod10"}, "unknown check digit 'mod10'; one of: luhn, mod11"),
        ({"check_digit": "mod11", "length": 12}, "length is 12, but mod11 is for up to 10 digits"),
        ({"allowed": "12"}, "allowed is '12', but has to be a list of texts"),
        ({"allowed": [12]}, 'allowed lists 12, but numbers in it have to be texts, such as "007"'),
        ({"allowed": ["12", "1b"]}, "allowed lists '1b', which isn't a number"),
        ({"allowed": ["12", "13", "12"]}, "allowed lists '12', which is there twice"),
        ({"allowed": ["12"], "most": 9}, "allowed lists '12', which is above 9"),
        ({"lenght": 4}, "unknown check 'lenght'; one of: length, least, most, check_digit, pattern, allowed"),
    ],
)
def test_checks_that_make_no_sense_are_a_sentence(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        parse(values)
    assert str(caught.value) == sentence


@given(
    length=st.none() | st.integers(3, MOST_DIGITS),
    least=st.none() | st.integers(0, 99),
    most=st.none() | st.integers(100, 10**MOST_DIGITS - 1),
    check_digit=st.sampled_from([None, "luhn"]),
    allowed=st.sets(st.sampled_from(["007", "7"])).map(tuple),
)
def test_checks_survive_json(
    length: int | None, least: int | None, most: int | None, check_digit: str | None, allowed: tuple[str, ...]
) -> None:
    bounded = Checks(length=length, least=least, most=most, check_digit=check_digit)
    for checks in (bounded, Checks(pattern="0#-##", check_digit="mod11"), Checks(allowed=allowed)):
        assert parse(json.loads(json.dumps(asdict(checks)))) == checks
    assert parse({}) == Checks()
