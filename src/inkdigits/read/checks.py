"""What is known of a number before it is read: its length, range, check digit, pattern, or a list of all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

from inkdigits.errors import ArgumentError

MOST_DIGITS = 64
"""No number has more digits."""

_ANY, _SEPARATORS = "#", " -./,"
_MOST_DIGITS_MOD11 = 10


@dataclass(frozen=True, kw_only=True)
class Checks:
    """What has to be true of a number; what is None or empty is left open.

    `length` counts digits. `least` and `most` are bounds of the number's value, both inclusive; leading zeros
    don't change it. `check_digit` is one of `CHECK_DIGITS`. `pattern` is a picture of the number: # is any
    digit and a digit is itself; space - . / , may stand between them and count for nothing, since they aren't
    read: "0#-####", "##.##.20##". `allowed` lists the only numbers there can be, as they are written.

    Raises ArgumentError for checks that no length or pattern can meet, and for an allowed number that doesn't
    meet the others.
    """

    length: int | None = None
    least: int | None = None
    most: int | None = None
    check_digit: str | None = None
    pattern: str | None = None
    allowed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.length is not None and not 1 <= self.length <= MOST_DIGITS:
            raise ArgumentError(f"length is {self.length}, but has to lie between 1 and {MOST_DIGITS}")
        _refuse_pattern(self)
        _refuse_range(self)
        _refuse_check_digit(self)
        _refuse_allowed(self)

    @property
    def fewest(self) -> int:
        """How many digits the shortest number has that meets them, as far as they tell."""
        if self.allowed:
            return min(len(number) for number in self.allowed)
        return _length(self) or len(str(self.least or 0))


def parse(values: Mapping[str, object]) -> Checks:
    """The checks that decoded JSON describes, its keys being the fields of `Checks`; null leaves one open.

    Raises ArgumentError for an unknown key, for a value of the wrong type, and where `Checks` does.
    """
    known = [field.name for field in fields(Checks)]
    unknown = [name for name in values if name not in known]
    if unknown:
        raise ArgumentError(f"unknown check {unknown[0]!r}; one of: {', '.join(known)}")
    return Checks(
        length=_whole(values, "length"),
        least=_whole(values, "least"),
        most=_whole(values, "most"),
        check_digit=_text(values, "check_digit"),
        pattern=_text(values, "pattern"),
        allowed=_texts(values, "allowed"),
    )


def objection(checks: Checks, text: str) -> str | None:
    """None where all checks hold, else the first reason why not, to be said of the number.

    >>> objection(Checks(length=6), "12345")
    'has 5 digits, 6 were expected'
    """
    reason = _fault(checks, text)
    if reason is None and checks.allowed and text not in checks.allowed:
        return "isn't in the list"
    return reason


def luhn(number: str) -> bool:
    """Whether the Luhn check holds (ISO/IEC 7812-1, annex B), as on bank cards: doubled digits, modulo 10."""
    digits = [int(digit) for digit in reversed(number)]
    return (sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])) % 10 == 0


def mod11(number: str) -> bool:
    """Whether the digits times 1, 2, 3, … from the right add up to a multiple of 11; ten digits at most.

    As in ISBN-10 (ISO 2108:1992) and NHS numbers. Those that end in X, for ten, aren't digits only.
    """
    total = sum(weight * int(digit) for weight, digit in enumerate(reversed(number), 1))
    return len(number) <= _MOST_DIGITS_MOD11 and total % 11 == 0


CHECK_DIGITS: Mapping[str, Callable[[str], bool]] = {"luhn": luhn, "mod11": mod11}
"""The ways to tell from a number's last digit whether all its digits are right."""

_SPOKEN = {"luhn": "Luhn", "mod11": "mod 11"}


def _fault(checks: Checks, text: str) -> str | None:
    """Why the text isn't what the checks ask for, the list left aside."""
    if not text:
        return "has no digits"
    if not _is_number(text):
        return "isn't a number"
    for fault in (_fault_in_length, _fault_in_pattern, _fault_in_range, _fault_in_check_digit):
        reason = fault(checks, text)
        if reason is not None:
            return reason
    return None


def _fault_in_length(checks: Checks, number: str) -> str | None:
    found = "has 1 digit" if len(number) == 1 else f"has {len(number)} digits"
    expected = _length(checks)
    if expected is not None and len(number) != expected:
        return f"{found}, {expected} {'was' if expected == 1 else 'were'} expected"
    return f"{found}, at most {MOST_DIGITS} were expected" if len(number) > MOST_DIGITS else None


def _fault_in_pattern(checks: Checks, number: str) -> str | None:
    picture = _picture(checks)
    fits = picture is None or all(
        place in (_ANY, digit) for place, digit in zip(picture, number, strict=True)
    )
    return None if fits else f"doesn't fit the pattern {checks.pattern}"


def _fault_in_range(checks: Checks, number: str) -> str | None:
    if checks.least is not None and int(number) < checks.least:
        return f"is below {checks.least}"
    if checks.most is not None and int(number) > checks.most:
        return f"is above {checks.most}"
    return None


def _fault_in_check_digit(checks: Checks, number: str) -> str | None:
    if checks.check_digit is None or CHECK_DIGITS[checks.check_digit](number):
        return None
    return f"fails the {_SPOKEN[checks.check_digit]} check"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _picture(checks: Checks) -> str | None:
    """The pattern without what isn't read: a place for each digit."""
    if checks.pattern is None:
        return None
    return "".join(place for place in checks.pattern if place not in _SEPARATORS)


def _length(checks: Checks) -> int | None:
    picture = _picture(checks)
    return checks.length if picture is None else len(picture)


def _refuse_pattern(checks: Checks) -> None:
    picture = _picture(checks)
    if picture is None:
        return
    if not 1 <= len(picture) <= MOST_DIGITS or not _is_number(picture.replace(_ANY, "0")):
        raise ArgumentError(
            f"pattern is {checks.pattern!r}, but has to show 1 to {MOST_DIGITS} digits, # for any: 19##"
        )
    if checks.length not in (None, len(picture)):
        raise ArgumentError(
            f"pattern {checks.pattern} shows {len(picture)} digits, but length is {checks.length}"
        )


def _refuse_range(checks: Checks) -> None:
    for name, bound in (("least", checks.least), ("most", checks.most)):
        if bound is not None and not 0 <= bound < 10**MOST_DIGITS:
            raise ArgumentError(f"{name} is {bound}, but has to lie between 0 and 10^{MOST_DIGITS} - 1")
    if checks.least is not None and checks.most is not None and checks.least > checks.most:
        raise ArgumentError(f"least is {checks.least}, but has to be at most {checks.most}, which is most")
    picture = _picture(checks) or _ANY * (checks.length or MOST_DIGITS)
    low, high = (int(picture.replace(_ANY, digit)) for digit in "09")
    if checks.least is not None and checks.least > high:
        raise ArgumentError(
            f"least is {checks.least}, but no number of that length or pattern is above {high}"
        )
    if checks.most is not None and checks.most < low:
        raise ArgumentError(f"most is {checks.most}, but no number of that length or pattern is below {low}")


def _refuse_check_digit(checks: Checks) -> None:
    if checks.check_digit is None:
        return
    if checks.check_digit not in CHECK_DIGITS:
        raise ArgumentError(f"unknown check digit {checks.check_digit!r}; one of: {', '.join(CHECK_DIGITS)}")
    length = _length(checks)
    if checks.check_digit == "mod11" and length is not None and length > _MOST_DIGITS_MOD11:
        raise ArgumentError(f"length is {length}, but mod11 is for up to {_MOST_DIGITS_MOD11} digits")


def _refuse_allowed(checks: Checks) -> None:
    met: set[str] = set()
    for number in checks.allowed:
        reason = "is there twice" if number in met else _fault(checks, number)
        if reason is not None:
            raise ArgumentError(f"allowed lists {number!r}, which {reason}")
        met.add(number)


def _whole(values: Mapping[str, object], name: str) -> int | None:
    value = values.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise ArgumentError(f"{name} is {value!r}, but has to be a whole number")
    return value


def _text(values: Mapping[str, object], name: str) -> str | None:
    value = values.get(name)
    if value is not None and not isinstance(value, str):
        raise ArgumentError(f"{name} is {value!r}, but has to be a text")
    return value


def _texts(values: Mapping[str, object], name: str) -> tuple[str, ...]:
    value = values.get(name)
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise ArgumentError(f"{name} is {value!r}, but has to be a list of texts")
    wrong = [each for each in value if not isinstance(each, str)]
    if wrong:
        raise ArgumentError(f'{name} lists {wrong[0]!r}, but numbers in it have to be texts, such as "007"')
    return tuple(value)
