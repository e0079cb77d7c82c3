"""The cast: invented people with invented prescriptions, at least one in every state a caller can ask about.

Names, numbers and prescriptions belong to nobody; the phones are from the range kept for fiction, 555-01XX.
Dates are days from today, in UTC, so a state stays true whatever day it is.
"""

from __future__ import annotations

from typing import Any

from ivr.orders.sandbox.filed import FiledContact, FiledPerson, FiledPrescription

# Who acts next in each state, how many days it has stood there, and in how many their answer is due.
_STANDS: dict[str, tuple[str, int, int | None]] = {
    "eligible": ("nobody", 25, None),
    "too_soon": ("nobody", 14, None),
    "no_refills": ("patient", 6, None),
    "expired": ("patient", 20, None),
    "schedule_ii": ("patient", 27, None),
    "pa_required": ("prescriber", 3, 2),
    "pa_pending": ("insurer", 1, 2),
    "pa_denied": ("prescriber", 2, 5),
    "coverage_problem": ("patient", 4, None),
    "quantity_limited": ("insurer", 1, 1),
    "out_of_stock": ("pharmacy", 2, None),
    "clinical_hold": ("pharmacy", 1, 1),
    "payment_blocked": ("patient", 3, None),
    "address_check": ("patient", 2, None),
    "rx_cancelled": ("nobody", 40, None),
    "transferred_out": ("nobody", 33, None),
    "already_in_process": ("pharmacy", 1, None),
    "awaiting_provider": ("prescriber", 4, 1),
    "sent": ("pharmacy", 0, None),
    "received": ("pharmacy", 1, None),
    "processing": ("pharmacy", 1, None),
    "shipped": ("carrier", 1, None),
    "ready": ("patient", 2, None),
    "delivered": ("nobody", 2, None),
    "delayed": ("carrier", 2, 1),
    "blocked_on_patient": ("patient", 5, None),
    "cancelled": ("nobody", 8, None),
}
_PRIOR_AUTH = {"pa_required": "required", "pa_pending": "pending_payer", "pa_denied": "denied"}


def _filed(number: str, state: str, facts: dict[str, Any]) -> FiledPrescription:
    acts_next, stood, answer = _STANDS[state]
    usual: dict[str, Any] = {"acts_next": acts_next, "stood_days": stood, "answer_in_days": answer}
    usual["prior_auth"] = _PRIOR_AUTH.get(state, "not_required")
    return FiledPrescription(number, state, **usual | facts)


def _refill(number: str, state: str, **facts: Any) -> FiledPrescription:
    return _filed(number, state, {"refill": state} | facts)


def _order(number: str, state: str, refill: str = "already_in_process", **facts: Any) -> FiledPrescription:
    return _filed(number, state, {"refill": refill, "order_state": state, "payment": "succeeded"} | facts)


def _asked(number: str, refill: str, **facts: Any) -> FiledPrescription:
    """A prescription whose prescriber has been asked for a new one."""
    asked = {"refill": refill, "order_state": "awaiting_provider", "renewal": "requested"}
    return _filed(number, "awaiting_provider", asked | facts)


def _patient(
    number: int, name: str, phone: str, born: str, zip: str, *filed: FiledPrescription, **more: Any
) -> FiledPerson:
    return FiledPerson(f"patient-{number:02}", name, "patient", phone, born, zip, prescriptions=filed, **more)


PEOPLE: tuple[FiledPerson, ...] = (
    _patient(1, "Ada Marsh", "+16145550101", "1950-01-05", "43004", _refill("7001001", "eligible"), texts=True),
    _patient(
        2,
        "Boris Quill",
        "+16145550102",
        "1967-08-19",
        "43016",
        _refill("7002001", "too_soon", days_left=16, refillable_in_days=9),
        texts=False,
    ),
    _patient(
        3,
        "Clara Finch",
        "+16145550103",
        "1958-11-30",
        "43017",
        _refill("7003001", "no_refills", days_left=4),
        _refill("7003002", "expired", days_left=-12),
    ),
    _patient(
        4,
        "Dmitri Vale",
        "+16145550104",
        "1981-03-14",
        "43026",
        _refill("7004001", "pa_pending", medication_class="glp1"),
        _refill("7004002", "pa_required", medication_class="biologic"),
        _refill("7004003", "pa_denied"),
    ),
    _patient(
        5,
        "Elsie Thorn",
        "+16145550105",
        "1944-06-02",
        "43035",
        _refill("7005001", "out_of_stock", days_left=3, expected_in_days=4, substitution=True),
        _refill("7005002", "quantity_limited"),
        contacts=(
            FiledContact(
                1, "sms", "to_patient", "Your medicine is on its way to us; we expect it this week.", "7005001"
            ),
            FiledContact(2, "phone", "from_patient", "Asked whether another maker's tablets would do.", "7005001"),
        ),
    ),
    _patient(
        6,
        "Farid Noor",
        "+16145550106",
        "1990-12-09",
        "43054",
        _refill("7006001", "schedule_ii", medication_class="controlled"),
        _refill("7006002", "clinical_hold"),
    ),
    _patient(
        7,
        "Greta Lindqvist",
        "+16145550107",
        "1975-02-27",
        "43065",
        _refill("7007001", "payment_blocked", payment="failed", balance="24.60"),
    ),
    _patient(
        8,
        "Hugo Barlow",
        "+16145550108",
        "1962-09-21",
        "43081",
        _refill(
            "7008001",
            "already_in_process",
            order_state="received",
            payment="retrying",
            acts_next="billing",
            answer_in_days=1,
            balance="12.50",
        ),
        _refill("7008002", "rx_cancelled"),
        _refill("7008003", "transferred_out"),
    ),
    _patient(
        9,
        "Inés Romero",
        "+16145550109",
        "1986-04-11",
        "43085",
        _refill("7009001", "eligible"),
        _order("7009002", "shipped", expected_in_days=2),
        language="es",
    ),
    _patient(
        10,
        "Josef Adler",
        "+16145550110",
        "1938-10-17",
        "43201",
        _order("7010001", "ready"),
        _order("7010002", "delivered", refill="too_soon", days_left=28, refillable_in_days=21),
        access="slow",
    ),
    _patient(
        11,
        "Kaya Winter",
        "+16145550111",
        "1979-05-25",
        "43202",
        _order(
            "7011001",
            "delayed",
            medication_class="insulin",
            time_sensitive=True,
            days_left=1,
            expected_in_days=2,
        ),
        contacts=(
            FiledContact(1, "email", "to_patient", "Your parcel is late. We are asking the carrier.", "7011001"),
        ),
    ),
    _patient(
        12,
        "Leo Winter",
        "+16145550111",
        "2012-07-08",
        "43202",
        _refill("7012001", "eligible"),
        _order(
            "7012002",
            "delayed",
            medication_class="biologic",
            time_sensitive=True,
            days_left=2,
            expected_in_days=3,
        ),
    ),
    _patient(
        13,
        "Mina Osei",
        "+16145550112",
        "1995-01-23",
        "43205",
        _order("7013001", "blocked_on_patient", payment="none_due"),
        _refill("7013002", "address_check"),
    ),
    _patient(
        14,
        "Nils Eriksen",
        "+16145550113",
        "1971-12-31",
        "43206",
        _order("7014001", "awaiting_provider", payment="none_due"),
        _order("7014002", "sent", payment="none_due"),
        access="relay",
    ),
    _patient(
        15,
        "Olive Petrov",
        "+16145550114",
        "1953-03-03",
        "43209",
        _refill("7015001", "coverage_problem", payment="renewal_due"),
        _order("7015002", "received", payment="retrying", acts_next="billing", answer_in_days=1, balance="8.00"),
        _order("7015003", "processing", expected_in_days=5),
        _order("7015004", "cancelled", refill="eligible", payment="none_due"),
    ),
    _patient(
        16,
        "Paloma Ruiz",
        "+16145550123",
        "1969-06-28",
        "43211",
        _refill("7016001", "payment_blocked", payment="failed", acts_next="billing", answer_in_days=1, balance="31.75"),
        _refill("7016002", "eligible"),
        language="es",
        texts=True,
    ),
    _patient(
        17,
        "Quentin Abara",
        "+16145550124",
        "1955-09-14",
        "43212",
        _refill("7017001", "eligible", days_left=2),
        _order("7017002", "shipped", expected_in_days=1),
        _refill("7017003", "no_refills", days_left=6),
        _refill("7017004", "too_soon", days_left=19, refillable_in_days=12),
        texts=False,
    ),
    _patient(
        18,
        "Rosa Delgado",
        "+16145550125",
        "1983-10-02",
        "43213",
        _refill("7018001", "pa_pending", medication_class="specialty", days_left=3),
        _refill("7018002", "no_refills", days_left=1),
        contacts=(
            FiledContact(3, "secure_message", "to_patient", "Su seguro está revisando la solicitud.", "7018001"),
        ),
        language="es",
        texts=False,
    ),
    _patient(
        19,
        "Samuel Okoro",
        "+16145550126",
        "1977-01-19",
        "43214",
        _refill("7019001", "too_soon", medication_class="controlled", days_left=11, refillable_in_days=8),
        _refill("7019002", "eligible", medication_class="controlled", days_left=2),
    ),
    _patient(
        20,
        "Tilda Brandt",
        "+16145550127",
        "1992-04-06",
        "43215",
        _refill("7020001", "pa_pending", prior_auth="submitted", stood_days=0, answer_in_days=3),
        _refill("7020002", "pa_pending", prior_auth="pending_prescriber", acts_next="prescriber", stood_days=4),
        _order("7020003", "received"),
        texts=True,
    ),
    _patient(
        21,
        "Umar Haddad",
        "+16145550128",
        "1964-12-12",
        "43219",
        _refill("7021001", "pa_denied", prior_auth="appealed", acts_next="insurer", stood_days=6, answer_in_days=1),
        _refill("7021002", "pa_required", prior_auth="expired", medication_class="specialty", days_left=-1),
        _refill("7021003", "eligible", prior_auth="approved", approved_for_days=90, medication_class="specialty"),
    ),
    _patient(
        22,
        "Vera Kowal",
        "+16145550129",
        "1947-08-23",
        "43220",
        _asked("7022001", "no_refills", days_left=2),
        _asked("7022002", "expired", days_left=-3, stood_days=9, answer_in_days=-2),
        _refill("7022003", "no_refills", renewal="denied", stood_days=1),
        access="slow",
    ),
    _patient(
        23,
        "Wendell Ito",
        "+16145550130",
        "1940-02-08",
        "43221",
        _order("7023001", "ready", payment="none_due"),
        _refill("7023002", "eligible", days_left=4),
        _order(
            "7023003",
            "blocked_on_patient",
            refill="payment_blocked",
            payment="failed",
            balance="56.20",
        ),
    ),
    _patient(
        24,
        "Ximena Castillo",
        "+16145550131",
        "1951-05-17",
        "43222",
        _order(
            "7024001", "delayed", medication_class="cold_chain", time_sensitive=True, days_left=1, expected_in_days=1
        ),
        _order("7024002", "ready"),
        language="es",
        access="slow",
        texts=True,
    ),
    FiledPerson(
        "caregiver-01",
        "Beth Marsh",
        "caregiver",
        "+16145550115",
        zip="43210",
        permissions={"patient-01": "everything", "patient-10": "refills"},
    ),
    FiledPerson(
        "caregiver-02",
        "Pilar Romero",
        "caregiver",
        "+16145550116",
        language="es",
        permissions={"patient-09": "refills"},
    ),
    FiledPerson("caregiver-03", "Rolf Vale", "caregiver", "+16145550117", zip="43026"),
    FiledPerson(
        "caregiver-04", "Nora Abara", "caregiver", "+16145550132", zip="43212", permissions={"patient-17": "refills"}
    ),
    FiledPerson("caregiver-05", "Ivo Kowal", "caregiver", "+16145550133", permissions={"patient-22": "status"}),
    # A representative stands in the patient's own place; there may be more than one patient.
    FiledPerson(
        "caregiver-06",
        "Judith Ito",
        "caregiver",
        "+16145550134",
        permissions={"patient-23": "everything", "patient-14": "everything"},
        texts=True,
    ),
    FiledPerson(
        "caregiver-07",
        "Mateo Castillo",
        "caregiver",
        "+16145550135",
        language="es",
        permissions={"patient-24": "status"},
    ),
    # On a patient's own number it may be the patient who rings; on the number of two who act for one, either of them.
    FiledPerson("caregiver-08", "Amal Haddad", "caregiver", "+16145550128", permissions={"patient-21": "status"}),
    FiledPerson("caregiver-09", "Hal Brandt", "caregiver", "+16145550136", permissions={"patient-20": "refills"}),
    FiledPerson("caregiver-10", "Una Brandt", "caregiver", "+16145550136", permissions={"patient-20": "status"}),
    FiledPerson("prescriber-01", "Birch Lane Family Practice", "prescriber", "+16145550120", npi="1234567893"),
    FiledPerson("prescriber-02", "Dr. Suri Anand", "prescriber", "+16145550121", npi="1993999998"),
    FiledPerson("pharmacy-01", "Corner Street Pharmacy", "pharmacy", "+16145550122", npi="1558598797"),
)
