"""The staff in the files: pins that prove something, hours in which nobody is there, and what is wrong with a shift."""

from __future__ import annotations

import pytest

from tests.content.test_loading import SHIPPED, problems_with

STAFF = SHIPPED["config/staff.yaml"]
LINES = SHIPPED["config/lines.yaml"]
ROTA = '    starts: available\n    shifts: {mon-fri: "08:00 to 16:00", sat: "09:00 to 17:00"}\n'


def with_staff(old: str, new: str, times: int = 1) -> str:
    assert old in STAFF
    return "\n".join(problems_with(**{"config/staff.yaml": STAFF.replace(old, new, times)}))


@pytest.mark.parametrize(
    ("pin", "told"),
    [
        ('    pin: "5182"\n', "this is the pin of ruth"),
        ("", "daniel: there is a staff line, and without a pin nobody can sign in there"),
        ('    pin: "7777"\n', "daniel: this pin is the first that anybody would try"),
        ('    pin: "4321"\n', "daniel: this pin is the first that anybody would try"),
        ('    pin: "0132"\n', "daniel: this pin can be read off their number"),
    ],
)
def test_a_pin_that_proves_little_is_warned_of_and_never_told(pin: str, told: str) -> None:
    own = '    pin: "4071"\n' if "ruth" in told else pin
    found = with_staff('    pin: "5182"\n', own)
    assert told in found
    assert own.strip().removeprefix("pin: ").strip('"') not in found or not own


def test_who_has_no_phone_number_needs_an_extension() -> None:
    found = with_staff('    phone: "+12025550137"\n', "    client: priya\n").replace("\n", " ")
    assert found == ""
    gone = STAFF.replace('    phone: "+12025550137"\n', "    client: priya\n").replace('    extension: "107"\n', "")
    assert "so they need an `extension`" in "".join(problems_with(**{"config/staff.yaml": gone}))


def test_two_have_one_extension() -> None:
    assert '"priya" has the extension of "omar"' in with_staff('    extension: "107"\n', '    extension: "106"\n')


def test_without_a_staff_line_nobody_needs_a_pin() -> None:
    callers_only = LINES[: LINES.index("  # Staff ring this one")]
    changed = {"config/lines.yaml": callers_only, "config/staff.yaml": STAFF.replace('    pin: "5182"\n', "")}
    assert problems_with(**changed) == []


def test_hours_in_which_nobody_is_in_shift_are_remarked_on() -> None:
    found = with_staff("    starts: available\n", ROTA, 7)
    assert 'nobody licensed who serves "pharmacist" is in shift at central on mon 16:00 to 20:00, tue' in found
    assert "sat" not in found
    assert 'nobody who serves "billing" is in shift at central on mon 16:00 to 20:00' in found


def test_one_of_them_without_shifts_may_be_there_at_any_hour() -> None:
    assert with_staff("    starts: available\n", ROTA, 1) == ""


@pytest.mark.parametrize(
    ("shifts", "told"),
    [
        ("{mun: closed}", '"mun" is no day; write mon, or mon-fri for all from one to another'),
        ('{mon-fri: "08:00 to 16:00", wed: closed}', "wed has shifts already"),
        ("{mon: closed}", "shifts are on some day; leave the key out for none"),
        ("{mon: 8 to 16}", "is not a time"),
        ("[mon]", "shifts is expected here"),
    ],
)
def test_a_shift_that_cannot_be_read_is_told(shifts: str, told: str) -> None:
    assert told in with_staff("    starts: available\n", f"    shifts: {shifts}\n")


@pytest.mark.parametrize(
    ("codes", "told"),
    [
        ("[answered, answered]", '"answered" stands here already'),
        ("[Answered]", "has to be one word in small letters"),
        ("[unresolved]", "is what the line itself says of a call"),
        ("[a, b, c, d, e, f, g, h, i, j]", "these are 10 codes, and a phone has keys for 9"),
        ("[{title: x}]", "a code needs `code`"),
        ("[{code: paid, means: payed}]", '"payed" is not a resolution'),
        ("[]", "the list is empty"),
    ],
)
def test_a_code_that_cannot_be_keyed_is_told(codes: str, told: str) -> None:
    queues = SHIPPED["config/queues.yaml"]
    at = queues.index("    codes:\n", queues.index("  billing:"))
    changed = queues[:at] + f"    codes: {codes}\n" + queues[queues.index("    nobody:", at) :]
    assert told in "\n".join(problems_with(**{"config/queues.yaml": changed}))


def test_staff_lines_need_neither_rules_nor_flow_and_callers_lines_do() -> None:
    assert "`rules`" in "".join(problems_with(**{"config/lines.yaml": LINES.replace("    for: staff\n", "")}))
    with_rules = LINES.replace("    for: staff\n", "    for: staff\n    rules: main.yaml\n")
    assert "rules" in "".join(problems_with(**{"config/lines.yaml": with_rules}))
