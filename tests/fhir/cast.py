"""People as a FHIR server files them: the same invented ones the sandbox has, in resources."""

from __future__ import annotations

from typing import Any

from ivr.orders.fhir.words import ACCESS, CONSENT, FACT, HANDLING, NPI, PERMISSION, SCHEDULE, TASK_CODE

Json = dict[str, Any]

ADA, LEO, CAROL, OFFICE, NOBODY = (f"+1614555{line}" for line in ("0101", "0111", "0115", "0120", "0199"))
ADAS_BIRTH, ADAS_ZIP, ADAS_RX = "1950-01-05", "43004", "7001001"


def phone(number: str, **more: str) -> Json:
    return {"system": "phone", "value": number, **more}


def patient(id_: str, number: str, born: str = ADAS_BIRTH, zip_: str = ADAS_ZIP, **more: Any) -> Json:
    return {
        "resourceType": "Patient",
        "id": id_,
        "telecom": [phone(number)],
        "birthDate": born,
        "address": [{"postalCode": zip_}],
        "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "en-US"}]}}],
        **more,
    }


def carer(id_: str, number: str, patient_id: str, **more: Any) -> Json:
    about = {"reference": f"Patient/{patient_id}"}
    return {"resourceType": "RelatedPerson", "id": id_, "patient": about, "telecom": [phone(number)], **more}


def consent(id_: str, patient_id: str, carer_id: str | None, said: str = "permit", *may: str, **more: Any) -> Json:
    """A consent of a patient: for somebody who acts for them, or to text messages where nobody is named."""
    who = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "DELEGATEE"}]}
    provision: Json = {"type": said, **more}
    if carer_id is not None:
        provision["actor"] = [{"role": who, "reference": {"reference": f"RelatedPerson/{carer_id}"}}]
    if may:
        provision["action"] = [{"coding": [{"system": PERMISSION, "code": code}]} for code in may]
    return {
        "resourceType": "Consent",
        "id": id_,
        "status": "active",
        "scope": {"coding": [{"code": "patient-privacy"}]},
        "category": [{"coding": [{"system": CONSENT, "code": "caregiver" if carer_id else "texts"}]}],
        "patient": {"reference": f"Patient/{patient_id}"},
        "policyRule": {"coding": [{"code": "OPTIN"}]},
        "provision": provision,
    }


def office(id_: str, number: str, npi: str) -> Json:
    known = [{"system": NPI, "value": npi}]
    return {"resourceType": "Practitioner", "id": id_, "identifier": known, "telecom": [phone(number)]}


def prescription(id_: str, patient_id: str, number: str, *, status: str = "active", **more: Any) -> Json:
    """An order for 30 days with three refills, good until June."""
    dispense: Json = {
        "numberOfRepeatsAllowed": 3,
        "quantity": {"value": 30},
        "expectedSupplyDuration": {"value": 30, "unit": "days", "code": "d", "system": "http://unitsofmeasure.org"},
        "validityPeriod": {"start": "2026-06-01", "end": "2027-06-01"},
    }
    return {
        "resourceType": "MedicationRequest",
        "id": id_,
        "identifier": [{"value": number}],
        "status": status,
        "intent": "order",
        "medicationCodeableConcept": {"text": "a medicine"},
        "subject": {"reference": f"Patient/{patient_id}"},
        "authoredOn": "2026-06-01",
        "category": [{"coding": [{"system": HANDLING, "code": "ordinary"}]}],
        "dispenseRequest": dispense | more.pop("dispense", {}),
        **more,
    }


def dispensed(id_: str, of: str, patient_id: str, on: str | None, *, status: str = "completed", **more: Any) -> Json:
    return {
        "resourceType": "MedicationDispense",
        "id": id_,
        "status": status,
        "medicationCodeableConcept": {"text": "a medicine"},
        "subject": {"reference": f"Patient/{patient_id}"},
        "authorizingPrescription": [{"reference": f"MedicationRequest/{of}"}],
        **({"whenHandedOver": on} if on else {}),
        **more,
    }


def task(id_: str, of: str, patient_id: str, word: str | None = None, *, code: str = "fulfill", **more: Any) -> Json:
    said = {"businessStatus": {"coding": [{"code": word}]}} if word else {}
    return {
        "resourceType": "Task",
        "id": id_,
        "status": "in-progress",
        "intent": "order",
        "code": {"coding": [{"system": TASK_CODE, "code": code}]},
        "focus": {"reference": f"MedicationRequest/{of}"},
        "for": {"reference": f"Patient/{patient_id}"},
        "lastModified": "2026-11-23T09:00:00-05:00",
        **said,
        **more,
    }


def output(name: str, **value: Any) -> Json:
    return {"type": {"coding": [{"system": FACT, "code": name}]}, **value}


def schedule(code: str) -> Json:
    return {"coding": [{"system": SCHEDULE, "code": code}]}


PEOPLE: tuple[Json, ...] = (
    patient("ada", ADA, extension=[{"url": ACCESS, "valueCode": "slow"}]),
    consent("ada-texts", "ada", None),
    patient("kaya", LEO, "1979-05-25", "43202"),
    patient("leo", LEO, "2012-07-08", "43202"),
    carer("carol", CAROL, "ada"),
    consent("carol-may", "ada", "carol", "permit", "refills"),
    office("quay", OFFICE, "1234567893"),
    prescription("rx1", "ada", ADAS_RX),
    dispensed("rx1-first", "rx1", "ada", "2026-10-25"),
    prescription("rx2", "ada", "7001002", dispense={"numberOfRepeatsAllowed": 0}),
    dispensed("rx2-first", "rx2", "ada", "2026-10-25"),
    prescription("rx3", "leo", "7012002"),
    dispensed("rx3-first", "rx3", "leo", "2026-10-27"),
    task(
        "rx3-parcel",
        "rx3",
        "leo",
        "delayed",
        output=[output("expected_on", valueDate="2026-11-27")],
        executionPeriod={"start": "2026-11-22T10:00:00-05:00"},
        restriction={"period": {"end": "2026-11-25"}},
    ),
)
