"""Doors about medicine: prescriptions, what blocks a refill, insurers, orders, parcels, stock, money, whom to call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from ivr.orders.sandbox import people
from ivr.orders.sandbox.desk import Desk, Door, listed, page_of, patient, prescription
from ivr.orders.sandbox.filed import FiledPrescription
from ivr.orders.sandbox.ledger import Body
from ivr.orders.sandbox.problems import Problem

_ON_ITS_WAY = ("shipped", "delayed", "delivered")
_RUNNING_OUT_DAYS = 5
_OUTREACH: Mapping[str, Callable[[Body], bool]] = {
    "running_out": lambda it: it["refill"] == "eligible" and it["days_left"] <= _RUNNING_OUT_DAYS,
    "renewal_needed": lambda it: it["refill"] in ("no_refills", "expired") and it["renewal"] == "none",
    "prior_auth_stalled": lambda it: it["refill"] == "pa_pending" and it["acts_next"] == "prescriber",
    "payment_failed": lambda it: it["payment"] == "failed",
    "delivery_late": lambda it: it["order_state"] == "delayed",
    "patient_action_required": lambda it: it["order_state"] == "blocked_on_patient",
}


class Supply:
    """What is prescribed, and how far it has come."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def doors(self) -> tuple[Door, ...]:
        """Return every door as (method, path, what answers)."""
        return (
            ("GET", "/v1/patients/<person_id>/prescriptions", self.prescriptions),
            ("GET", "/v1/patients/<person_id>/balance", self.balance),
            ("GET", "/v1/prescriptions/<prescription_id>", self.prescription),
            ("POST", "/v1/prescriptions/<prescription_id>/refill-eligibility", self.eligibility),
            ("GET", "/v1/prior-authorizations", self.prior_authorizations),
            ("GET", "/v1/orders/<order_id>", self.order),
            ("GET", "/v1/orders/<order_id>/shipments", self.shipments),
            ("GET", "/v1/stock/<prescription_id>", self.stock),
            ("GET", "/v1/payments/<payment_id>", self.payment),
            ("GET", "/v1/outreach-candidates", self.outreach),
        )

    def prescriptions(self, person_id: str) -> ResponseReturnValue:
        owner = patient(person_id)
        today, changes = self._desk.today, self._desk.ledger.changes()
        filed = owner.prescriptions
        return listed([people.prescription_answer(owner, each, today, changes.get(each.id)) for each in filed])

    def prescription(self, prescription_id: str) -> ResponseReturnValue:
        return self._desk.facts(prescription(prescription_id))

    def eligibility(self, prescription_id: str) -> ResponseReturnValue:
        return _told(self._desk.facts(prescription(prescription_id)), "refill earliest_refill_on acts_next answer_by")

    def prior_authorizations(self) -> ResponseReturnValue:
        token = request.args.get("prescription_id")
        if token is None:
            raise Problem(422, "query_invalid", "prescription_id: is missing")
        facts = self._desk.facts(prescription(token))
        told = _told(facts, "acts_next since answer_by approved_until") | {"state": facts["prior_auth"]}
        return page_of([told] if facts["prior_auth"] != "not_required" else [])

    def order(self, order_id: str) -> ResponseReturnValue:
        facts = self._ordered(order_id)
        return _told(facts, "expected_on since") | {"id": order_id, "state": facts["order_state"]}

    def shipments(self, order_id: str) -> ResponseReturnValue:
        facts = self._ordered(order_id)
        state = facts["order_state"]
        parcel = {"id": f"parcel_{order_id}", "carrier": "Blue Van Parcels", "state": state}
        late = {"expected_on": facts["expected_on"], "exception": "late" if state == "delayed" else None}
        return listed([parcel | late] if state in _ON_ITS_WAY else [])

    def stock(self, prescription_id: str) -> ResponseReturnValue:
        facts = self._desk.facts(prescription(prescription_id))
        out = facts["refill"] == "out_of_stock"
        due = facts["expected_on"] if out else None
        return _told(facts, "substitution") | {"available": not out, "expected_on": due}

    def balance(self, person_id: str) -> ResponseReturnValue:
        owner = patient(person_id)
        payments = [self._payment((owner, each)) for each in owner.prescriptions]
        owed = sum((Decimal(each["balance"] or 0) for each in payments), Decimal("0.00"))
        return {"person": owner.id, "balance": str(owed), "payments": payments}

    def payment(self, payment_id: str) -> ResponseReturnValue:
        found = _first(each for each in people.every_prescription() if each[1].payment_id == payment_id)
        if found is None:
            raise Problem(404, "payment_not_found", "no payment has this id")
        return self._payment(found)

    def outreach(self) -> ResponseReturnValue:
        wanted = request.args.get("rule")
        found = (
            {"person": facts["person"], "rule": rule, **_told(facts, "medication_class days_left")}
            for facts in self._desk.every_fact()
            for rule, fits in _OUTREACH.items()
            if wanted in (None, rule) and fits(facts)
        )
        return page_of(list(found))

    def _ordered(self, order_id: str) -> Body:
        owned = _first(each for each in people.every_prescription() if each[1].order_id == order_id)
        facts = self._desk.facts(owned) if owned else None
        if facts is None or facts["order_state"] is None:
            raise Problem(404, "order_not_found", "no order has this id")
        return facts

    def _payment(self, owned: tuple[Any, FiledPrescription]) -> Body:
        return _told(self._desk.facts(owned), "payment balance") | {"id": owned[1].payment_id}


def _told(facts: Body, names: str) -> Body:
    return {"prescription_id": facts["id"]} | {name: facts[name] for name in names.split()}


def _first(found: Iterable[people.Owned]) -> people.Owned | None:
    return next(iter(found), None)
