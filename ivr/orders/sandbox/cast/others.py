"""Who acts for the patients of the cast, and the offices and pharmacies that ring."""

from __future__ import annotations

from ivr.orders.sandbox.filed import FiledPerson

OTHERS: tuple[FiledPerson, ...] = (
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
