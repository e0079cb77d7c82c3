"""What a step asks, answered: by our own record at once, by the order system if it is quick."""

from __future__ import annotations

from datetime import timedelta
from threading import BoundedSemaphore

from ivr.clock import Clock
from ivr.core.arranging import number_asked_of
from ivr.core.call import OWN_ASKS, Answer, Call
from ivr.core.callbacks import callback_number
from ivr.core.identity import DOUBTFUL, as_it_stands
from ivr.core.line import Ticket, could_serve
from ivr.core.metrics import handle_seconds
from ivr.core.pharmacy import Pharmacy, Policies
from ivr.core.tickets import OFFICES, is_same_need, need_of, proved_person
from ivr.orders import questions
from ivr.orders.breaker import standing_of
from ivr.orders.memory import Memory
from ivr.orders.port import OrderSystem
from ivr.store import Offered, Record
from ivr.store.watch import SILENT_SECONDS
from ivr.telephony import numbers

PATIENCE_SECONDS = 0.2  # how long a turn waits for the order system before the worker takes the question over
REPEAT_DAYS = 7
WORKING = ("available", "offered", "on_call", "wrap_up")


class Enquiries:
    """Share one per process: at most half of its threads may be waiting for the order system at once."""

    def __init__(self, record: Record, orders: OrderSystem, clock: Clock, threads: int) -> None:
        self._record = record
        self._orders = orders
        self._clock = clock
        self._memory = Memory()
        self._asking = BoundedSemaphore(max(1, threads // 2))

    def answers(self, ask: str, call: Call, pharmacy: Pharmacy, *, patient: bool) -> dict[str, Answer]:
        """Return what is known of an ask, with whatever the worker has learnt meanwhile; {} while nothing is.

        Unless `patient`, nobody outside is waited for.
        """
        if ask == "place" and call.ticket is not None:
            return {ask: self.place_in_line(call.ticket, pharmacy)}
        if ask in OWN_ASKS:
            return {ask: self._of_our_own(ask, call, pharmacy)}
        if not patient:
            return {}
        known = self._record.answers(call.id)
        if ask not in known:
            told = self._ask_now(ask, call, pharmacy.policies)
            known = {**known, ask: told} if told else {}
        return {each: as_it_stands(each, answer, call) for each, answer in known.items()}

    def _of_our_own(self, ask: str, call: Call, pharmacy: Pharmacy) -> Answer:
        match ask:
            case "ticket":
                return self._live_ticket(call, pharmacy)
            case "number":
                return self._number(call, pharmacy)
            case "free":
                return self._free(call, pharmacy)
        return self._line_facts(call, pharmacy)

    def ask(self, ask: str, call: Call, policies: Policies, timeout_seconds: float | None = None) -> Answer | None:
        """Ask the order system; None while it does not answer. `timeout_seconds` None means the adapter's own.

        Whoever has been wrong too often, or about whom callers have, gets the answer of one who does not fit.
        """
        told = questions.put(ask, call, self._orders, timeout_seconds)
        if told is None:
            told = self._remembered(ask, call, policies)
        else:
            self._memory.keep(ask, call, told, self._clock.now())
        if told is None:
            return None
        tried = told.tried
        return told.answer if tried is None or self._is_believed(ask, call, tried, policies) else tried.miss

    def _remembered(self, ask: str, call: Call, policies: Policies) -> questions.Told | None:
        """What it said of exactly this lately, once it is known to be away: one that is slow is waited for instead."""
        if standing_of(self._orders).state == "asked":
            return None
        return self._memory.of(ask, call, self._clock.now() - timedelta(seconds=policies.old_facts_seconds))

    def _is_believed(self, ask: str, call: Call, tried: questions.Tried, policies: Policies) -> bool:
        """Count the offer, and then see whether this call, number and person have any credit left.

        Counted after the order system has answered: every offer takes the same way, however it ends.
        """
        now = self._clock.now()
        offered = Offered(call.id, ask, call.caller.number, tried.about, tried.wrong)
        wrong = self._record.proofs.keep(offered, now, now - timedelta(seconds=policies.wrong_within_seconds))
        return (
            wrong.call < policies.wrong_per_call
            and wrong.number < policies.wrong_per_number
            and wrong.person < policies.wrong_per_person
        )

    def place_in_line(self, ticket: Ticket, pharmacy: Pharmacy) -> Answer:
        """Return a ticket's place, and what the wait from there depends on, as values to be spoken of."""
        position, waiting = self._record.desk.position(ticket)
        now = self._record.desk.agents()
        agents = [
            id_
            for id_, agent in pharmacy.staff.items()
            if could_serve(agent, ticket) and id_ in now and now[id_].presence in WORKING
        ]
        talks, talk_seconds = self._record.forecasts.handling(ticket.site, ticket.queue)
        handled = handle_seconds(talks, talk_seconds, pharmacy.policies.wrap_up_seconds)
        told = self._record.forecasts.told(ticket.call)
        place: dict[str, object] = {"position": position, "waiting": waiting, "agents": len(agents)}
        known = {} if told is None else {"told": told}
        values = {name: str(value) for name, value in {**place, "handle_seconds": handled, **known}.items()}
        return Answer(True, values={**values, **self._worker()})

    def _free(self, call: Call, pharmacy: Pharmacy) -> Answer:
        """Who of the call's site may be rung now, the longest idle first."""
        now = self._record.desk.agents()
        free = [
            now[id_]
            for id_, agent in pharmacy.staff.items()
            if agent.site == call.site and id_ in now and now[id_].presence == "available" and not now[id_].ticket
        ]
        ids = [agent.id for agent in sorted(free, key=lambda agent: agent.since)]
        return Answer(True, values={"agents": " ".join(ids)})

    def _worker(self) -> dict[str, str]:
        """Whether anybody offers calls: the worker's heart beats in real time, whatever the practice clock says."""
        silent_seconds = self._record.watch.beats().get("dispatch", SILENT_SECONDS + 1)
        return {"worker": "silent"} if silent_seconds > SILENT_SECONDS else {}

    def _ask_now(self, ask: str, call: Call, policies: Policies) -> Answer | None:
        """Ask the order system within the turn, unless too many of our threads are already asking."""
        if not self._asking.acquire(blocking=False):
            return None
        try:
            return self.ask(ask, call, policies, PATIENCE_SECONDS)
        finally:
            self._asking.release()

    def _live_ticket(self, call: Call, pharmacy: Pharmacy) -> Answer:
        """A live ticket of this person, or of this number, and this need; what their own tickets are kept under.

        A number alone is a hint, which anybody may show: of a ticket that waits under it, only those hear for whom the
        carrier vouches in full, or who have proved to be somebody.
        """
        of_number = self._record.callbacks.key_of(_vouched_for(call))
        person, need = proved_person(call), need_of(call)
        opens = pharmacy.hours[call.site].opens_next(self._clock.now())
        overnight = self._record.callbacks.due_at_opening(call.site, opens)
        values = {"number": of_number, "overnight": str(overnight), "last_agent": self._last_agent(call, pharmacy)}
        alive = [
            ticket
            for ticket in self._record.callbacks.live_of((person, of_number))
            if ticket.call != call.id and ticket.site == call.site and is_same_need(ticket.need, need)
        ]
        if not alive or call.facts.get("caller") in OFFICES:
            return Answer(True, values=values)
        if not person and call.caller.attestation != "A":
            return Answer(True, values={**values, "number": ""})  # theirs, if it is not, is one of this call alone
        # One that is surely theirs first, and of those the one about exactly this.
        ticket = min(alive, key=lambda one: (one.person != person, one.need != need, one.arrived_at))
        return Answer(True, values={**values, **self._of_ticket(ticket, person)}, ticket=ticket)

    def _last_agent(self, call: Call, pharmacy: Pharmacy) -> str:
        """Return who talked with this person lately, for pharmacies that prefer them; empty for nobody."""
        if not pharmacy.policies.prefer_last_agent:
            return ""
        since = self._clock.now() - timedelta(days=REPEAT_DAYS)
        return self._record.last_agent(since, call.site, call.caller.number, proved_person(call)) or ""

    def _of_ticket(self, ticket: Ticket, person: str) -> dict[str, str]:
        loaded = self._record.load_call(ticket.call)
        number = callback_number(loaded.call) if loaded else None
        return {
            "by": "person" if person and ticket.person == person else "number",
            "position": str(self._record.desk.position(ticket)[0]),
            "callback_number": number or "",
            "shared": " ".join(loaded.call.shares) if loaded else "",
        }

    def _number(self, call: Call, pharmacy: Pharmacy) -> Answer:
        """May the number to call back be rung, where may it be, how often was it rung today, and is it in use by us?"""
        number = number_asked_of(call)
        if number is None:
            return Answer(True, {"number": "unclear"})
        hours = pharmacy.hours[call.site]
        today = hours.instant(hours.local(self._clock.now()).date(), 0)
        verdict = numbers.verdict(number, pharmacy.policies.callback_countries, _ours(pharmacy))
        callbacks = self._record.callbacks
        rung = {"rung_today": callbacks.rung_since(number, today), "in_use": callbacks.in_use(number, call.id)}
        return Answer(True, {"number": verdict, **rung}, values={"zones": " ".join(numbers.zones(number))})

    def _line_facts(self, call: Call, pharmacy: Pharmacy) -> Answer:
        now = self._clock.now()
        licensed = [agent.id for agent in pharmacy.staff.values() if agent.licensed]
        figures = self._record.desk.line_figures(call.site, now, licensed)
        since = now - timedelta(days=REPEAT_DAYS)
        again = self._record.calls_from(since, number=call.caller.number, person=call.person, besides=call.id)
        facts: dict[str, str | int] = {
            "waiting": figures.waiting,
            "longest_wait": figures.longest_wait_seconds,
            "licensed_free": figures.licensed_free,
            "repeat_calls": again,
        }
        return Answer(True, facts, values=self._worker())


def _vouched_for(call: Call) -> str | None:
    """The number that rings; None where the carrier doubts it: whoever forged it moves and calls off nothing."""
    return None if call.caller.attestation in DOUBTFUL else call.caller.number


def _ours(pharmacy: Pharmacy) -> set[str]:
    """The numbers that ring at the pharmacy itself: calling one of them back would be calling ourselves."""
    return {line.number for line in pharmacy.lines.values()} | {site.staffed_number for site in pharmacy.sites.values()}
