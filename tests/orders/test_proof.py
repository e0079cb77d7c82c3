"""Who a caller proves to be, what they may hear, and what is theirs, over real HTTP."""

from __future__ import annotations

from itertools import combinations, pairwise
from operator import attrgetter

import pytest

from ivr.orders.port import Prescriber, Proof, Proved, Refused
from ivr.orders.sandbox.cast import PEOPLE

NOBODY = "+16145550199"
ADA, ADAS_RX, ADAS_BIRTH, ADAS_ZIP = "+16145550101", "7001001", "1950-01-05", "43004"
BORIS = "+16145550102"
BETH, PILAR, ROLF = "+16145550115", "+16145550116", "+16145550117"
WINTERS = "+16145550111"  # Kaya and her son Leo
KAYAS_BIRTH, LEOS_BIRTH, WINTERS_ZIP = "1979-05-25", "2012-07-08", "43202"


def outcome(proved: Proved) -> tuple[str | None, bool, bool]:
    return proved.about, proved.fits, proved.number_on_file


# ---------------------------------------------------------------- does it fit


@pytest.mark.parametrize(
    ("offered", "number_on_file"),
    [
        (Proof(ADA, ADAS_RX), True),
        (Proof(ADA, ADAS_RX, ADAS_BIRTH), True),
        (Proof(ADA, ADAS_RX, ADAS_BIRTH, ADAS_ZIP), True),
        (Proof(ADA, None, ADAS_BIRTH), True),
        (Proof(ADA, None, ADAS_BIRTH, ADAS_ZIP), True),
        (Proof(BETH, ADAS_RX), True),
        (Proof(BETH, None, ADAS_BIRTH), True),
        (Proof(NOBODY, ADAS_RX), False),
        (Proof(NOBODY, ADAS_RX, ADAS_BIRTH), False),
        (Proof(None, ADAS_RX, None, ADAS_ZIP), False),
        (Proof(BORIS, ADAS_RX, ADAS_BIRTH, ADAS_ZIP), False),
        (Proof(ROLF, ADAS_RX), False),
    ],
)
def test_what_belongs_to_one_person_fits_and_the_number_is_told_apart(order_system, offered, number_on_file):
    assert outcome(order_system.prove(offered)) == ("patient-01", True, number_on_file)


@pytest.mark.parametrize(
    "offered",
    [
        Proof(ADA, ADAS_RX, "1950-01-06"),
        Proof(ADA, ADAS_RX, ADAS_BIRTH, "43005"),
        Proof(ADA, ADAS_RX, None, "43005"),
        Proof(ADA, None, "1950-01-06"),
        Proof(ADA, None, ADAS_BIRTH, "43005"),
    ],
)
def test_one_thing_that_is_wrong_spoils_all_the_others(order_system, offered):
    assert outcome(order_system.prove(offered)) == ("patient-01", False, True)


@pytest.mark.parametrize(
    "offered",
    [
        Proof(ADA, "9999999"),
        Proof(ADA, "1", ADAS_BIRTH),
        Proof(NOBODY, None, ADAS_BIRTH, ADAS_ZIP),
        Proof(None, None, ADAS_BIRTH, ADAS_ZIP),
        Proof(ROLF, None, "1981-03-14"),
        Proof("+16145550120", None, ADAS_BIRTH),
    ],
)
def test_an_offer_that_points_at_nobody_is_about_nobody(order_system, offered):
    assert outcome(order_system.prove(offered)) == (None, False, False)


def test_a_birthday_finds_a_patient_only_where_the_number_leads(order_system):
    """Anybody could try birthdays until one is somebody's; the number that rings says whose are meant."""
    assert outcome(order_system.prove(Proof(BORIS, None, ADAS_BIRTH))) == ("patient-02", False, True)


@pytest.mark.parametrize(("born", "who"), [(KAYAS_BIRTH, "patient-11"), (LEOS_BIRTH, "patient-12")])
@pytest.mark.parametrize("zip_", [None, WINTERS_ZIP])
def test_who_of_a_household_it_is_the_birthday_tells(order_system, born, who, zip_):
    assert outcome(order_system.prove(Proof(WINTERS, None, born, zip_))) == (who, True, True)


def test_a_wrong_birthday_of_a_household_is_aimed_at_nobody_in_particular(order_system):
    assert outcome(order_system.prove(Proof(WINTERS, None, "1979-05-26"))) == (None, False, False)


def test_a_miss_says_nothing_of_the_person_it_was_aimed_at(order_system):
    missed = order_system.prove(Proof(ADA, ADAS_RX, "1950-01-06"))
    told = (missed.permission, missed.access, missed.texts, missed.language, missed.prescription)
    assert told == (None,) * 5


def test_no_such_prescription_and_a_wrong_birthday_look_alike_on_the_wire(http):
    """But for the token of the person, which is for counting and goes no further."""
    asked = {"phone": NOBODY, "date_of_birth": "1950-01-06"}
    missing = http.post("/v1/patients/verify", json={"rx_number": "9999999", **asked})
    not_theirs = http.post("/v1/patients/verify", json={"rx_number": ADAS_RX, **asked})
    assert missing.status_code == not_theirs.status_code == 200
    assert list(missing.json()) == list(not_theirs.json())
    assert {**not_theirs.json(), "about": None} == missing.json()


def test_a_fit_has_the_keys_of_a_miss(http):
    fit = http.post("/v1/patients/verify", json={"phone": ADA, "rx_number": ADAS_RX})
    miss = http.post("/v1/patients/verify", json={"phone": ADA, "rx_number": "9999999"})
    assert (fit.json()["fits"], miss.json()["fits"], list(fit.json())) == (True, False, list(miss.json()))


@pytest.mark.parametrize("offered", [Proof(ADA), Proof(ADA, zip=ADAS_ZIP), Proof()])
def test_a_number_or_a_zip_alone_prove_nothing(order_system, offered):
    with pytest.raises(Refused, match=r"^body_invalid$"):
        order_system.prove(offered)


PATIENTS = [person for person in PEOPLE if person.kind == "patient"]
THINGS = {
    "rx_number": lambda patient: patient.prescriptions[-1].number,
    "date_of_birth": attrgetter("date_of_birth"),
    "zip": attrgetter("zip"),
}
MIXTURES = [*combinations(THINGS, 2), tuple(THINGS)]


def test_of_everybody_all_that_is_theirs_fits_in_any_mixture(order_system):
    for patient in PATIENTS:
        for names in [("rx_number",), ("date_of_birth",), *MIXTURES]:
            theirs = Proof(phone=patient.phone, **{name: THINGS[name](patient) for name in names})
            assert outcome(order_system.prove(theirs)) == (patient.id, True, True)


def test_of_nobody_anything_that_is_another_patients_fits_in_any_mixture(order_system):
    for patient, other in [each for each in pairwise(PATIENTS) if each[0].zip != each[1].zip]:
        for names in MIXTURES:
            mixed = {name: THINGS[name](patient) for name in names} | {names[-1]: THINGS[names[-1]](other)}
            assert not order_system.prove(Proof(phone=patient.phone, **mixed)).fits


# ---------------------------------------------------------------- what comes with it


def test_a_fit_tells_how_to_speak_to_the_patient(order_system):
    paloma = order_system.prove(Proof("+16145550123", None, "1969-06-28"))
    assert (paloma.language, paloma.access, paloma.texts) == ("es", "standard", True)
    vera = order_system.prove(Proof("+16145550129", "7022001"))
    assert (vera.language, vera.access, vera.texts) == ("en", "slow", None)
    boris = order_system.prove(Proof(BORIS, "7002001"))
    assert boris.texts is False


def test_the_prescription_comes_with_its_number_only(order_system):
    by_number = order_system.prove(Proof(ADA, ADAS_RX, ADAS_BIRTH)).prescription
    assert by_number is not None
    assert (by_number.person, by_number.last4) == ("patient-01", "1001")
    assert order_system.prove(Proof(ADA, None, ADAS_BIRTH)).prescription is None


@pytest.mark.parametrize(
    ("phone", "rx", "may"),
    [
        (ADA, ADAS_RX, "everything"),  # herself
        (BETH, ADAS_RX, "everything"),
        (BETH, "7010001", "refills"),  # one caregiver, another patient
        (PILAR, "7009001", "refills"),
        ("+16145550132", "7017001", "refills"),
        ("+16145550133", "7022001", "status"),
        ("+16145550134", "7023001", "everything"),  # a representative
        ("+16145550135", "7024001", "status"),
        ("+16145550128", "7021001", "everything"),  # a couple's: it may be the patient himself
        ("+16145550136", "7020001", "status"),  # two who act for one, and the one who may hear less may ring
        (ROLF, "7004001", "nothing"),  # a caregiver with nothing on file
        (PILAR, ADAS_RX, "nothing"),  # another patient's caregiver
        ("+16145550120", ADAS_RX, "nothing"),  # a prescriber's office is asked other things
        (NOBODY, ADAS_RX, "everything"),  # a phone that may be borrowed: the rest of the proof decides
        (BORIS, ADAS_RX, "everything"),
        (None, ADAS_RX, "everything"),
    ],
)
def test_who_rings_says_what_they_may_hear(order_system, phone, rx, may):
    assert order_system.prove(Proof(phone, rx)).permission == may


def test_a_caregiver_is_told_of_the_patient_whose_birthday_they_give(order_system):
    josef = order_system.prove(Proof(BETH, None, "1938-10-17"))
    assert (*outcome(josef), josef.permission) == ("patient-10", True, True, "refills")


def test_every_scope_of_a_caregiver_is_somebodys_and_shown_to_those_who_manage_them(http):
    shown = {
        (contact["id"], patient.id): contact["permission"]
        for patient in PEOPLE
        if patient.kind == "patient"
        for contact in http.get(f"/v1/patients/{patient.id}/authorized-contacts").json()["items"]
    }
    assert shown == {(one.id, patient): may for one in PEOPLE for patient, may in one.permissions.items()}
    assert set(shown.values()) == {"everything", "refills", "status"}


# ---------------------------------------------------------------- all that is theirs


def test_a_patients_prescriptions_come_in_their_order_each_in_its_own_state(order_system):
    listed = order_system.prescriptions("patient-17")
    assert [(each.last4, each.refill, each.order_state) for each in listed] == [
        ("7001", "eligible", None),
        ("7002", "already_in_process", "shipped"),
        ("7003", "no_refills", None),
        ("7004", "too_soon", None),
    ]


def test_a_refill_just_placed_shows_in_the_list(order_system):
    first, *others = order_system.prescriptions("patient-17")
    order_system.request_refill(first.id, "CA1", "key-1")
    again, *unchanged = order_system.prescriptions("patient-17")
    assert (again.refill, again.order_state, unchanged) == ("already_in_process", "received", others)


@pytest.mark.parametrize("who", ["patient-99", "caregiver-01", "../patients/search"])
def test_who_is_no_patient_has_no_list(order_system, who):
    with pytest.raises(Refused):
        order_system.prescriptions(who)


# ---------------------------------------------------------------- prescribers


@pytest.mark.parametrize(
    ("npi", "phone", "office"),
    [
        ("1234567893", "+16145550120", Prescriber("prescriber-01", True)),
        ("1234567893", "+16145550121", Prescriber("prescriber-01", False)),
        ("1993999998", None, Prescriber("prescriber-02", False)),
        ("1558598797", "+16145550122", None),  # a pharmacy's
        ("1679576722", "+16145550120", None),
    ],
)
def test_a_prescriber_is_known_by_npi_and_the_number_says_how_surely(order_system, npi, phone, office):
    assert order_system.prescriber(npi, phone) == office
