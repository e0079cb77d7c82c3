"""Doors about people: who rings, whether they are who they say, who may act for whom, what they agreed to."""

from __future__ import annotations

from sqlite3 import Connection

from flask import request
from flask.typing import ResponseReturnValue

from ivr.orders.sandbox import bodies, entries, people
from ivr.orders.sandbox.desk import Desk, Door, listed, patient, said, unchanged
from ivr.orders.sandbox.ledger import Answer


class Reception:
    """Who is who."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def doors(self) -> tuple[Door, ...]:
        """Return every door as (method, path, what answers)."""
        return (
            ("POST", "/v1/patients/search", self.search),
            ("POST", "/v1/patients/verify", self.verify),
            ("GET", "/v1/patients/<person_id>", self.patient),
            ("GET", "/v1/patients/<person_id>/authorized-contacts", self.authorized_contacts),
            ("GET", "/v1/patients/<person_id>/contacts", self.contacts),
            ("GET", "/v1/patients/<person_id>/consents", self.consents),
            ("PUT", "/v1/patients/<person_id>/consents", self.set_consents),
            ("POST", "/v1/prescribers/lookup", self.look_up_prescriber),
        )

    def search(self) -> ResponseReturnValue:
        wanted, _ = bodies.read(bodies.PersonSearch, request.get_data())
        found = people.filed_under(wanted.phone)
        return listed([people.person_answer(person, self._desk.texts(person)) for person in found])

    def verify(self) -> ResponseReturnValue:
        proof, _ = bodies.read(bodies.Proof, request.get_data())
        come = people.proven(proof)
        answer = people.proof_answer(proof, come, self._desk.today, self._desk.ledger.changes())
        return answer | {"texts": self._desk.texts(come.about) if come.about and come.fits else None}

    def patient(self, person_id: str) -> ResponseReturnValue:
        found = patient(person_id)
        return people.person_answer(found, self._desk.texts(found))

    def authorized_contacts(self, person_id: str) -> ResponseReturnValue:
        found = patient(person_id)
        return listed([people.contact_answer(each, found.id) for each in people.acting_for(found.id)])

    def contacts(self, person_id: str) -> ResponseReturnValue:
        return listed(people.said_answer(patient(person_id), self._desk.now()))

    def consents(self, person_id: str) -> ResponseReturnValue:
        return said(self._desk.consents(patient(person_id)))

    def set_consents(self, person_id: str) -> ResponseReturnValue:
        _, plain = bodies.read(bodies.ConsentsChange, request.get_data())
        found = patient(person_id)
        stands = self._desk.consents(found)

        def act(db: Connection) -> Answer:
            unchanged(stands | (entries.body(db, "consents", found.id) or {}))
            now = stands | {name: value for name, value in plain.items() if name != "call_id"}
            entries.put_consents(db, found.id, now)
            return 200, now

        return self._desk.once(plain, act)

    def look_up_prescriber(self) -> ResponseReturnValue:
        lookup, _ = bodies.read(bodies.PrescriberLookup, request.get_data())
        offices = people.prescribers(lookup.npi, lookup.phone)
        return listed([{"id": each.id, "npi": each.npi, "phones": [each.phone]} for each in offices])
