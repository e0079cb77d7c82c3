"""`config/*.yaml` in an editor."""

from __future__ import annotations

from ivr.content.names import Names
from ivr.content.policies import MACHINE, OLD_WORD, TRANSCRIBERS, WRONG
from ivr.content.schema.shapes import (
    COUNTRY,
    DAY,
    DAY_OF_YEAR,
    DAYS,
    DURATION,
    FLAG,
    LANGUAGE,
    NUMBER,
    ONE_WORD,
    PHONE,
    PIN,
    SHIFT,
    TEXT,
    TIMES,
    Shape,
    Single,
    by_name,
    fields,
    list_of,
    name,
    one_of,
    whole,
    whole_file,
    word,
    written,
)
from ivr.core.codes import RESOLUTIONS
from ivr.core.events import ORDER_EVENTS
from ivr.core.line import CALLBACK_MODES, ROLES
from ivr.core.pharmacy import KEEP_DAYS
from ivr.core.rules import FACTS, UNKNOWN, WEEKDAYS

_DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _queue(names: Names) -> Single:
    return name("queue", names.queues, "config/queues.yaml")


def _site(names: Names) -> Single:
    return name("site", names.sites, "config/sites.yaml")


def _skill(names: Names) -> Single:
    return name("skill", names.skills, "an agent in config/staff.yaml")


# ---------------------------------------------------------------- lines, sites, hours


def lines(names: Names) -> Shape:
    """Return the shape of lines.yaml."""
    line = fields(
        "A number we own, and what answers it.",
        {
            "for": word(("callers", "staff")).alone(
                "Who rings it: callers, unless you say staff, who work by phone there and need no rules and no flow."
            ),
            "number": PHONE.alone('The number callers dial, in quotes, with country: "+12125550110".'),
            "site": _site(names).alone("The place whose hours, staff and clock it goes by."),
            "rules": name("file of rules", names.rule_files, "routing_rules/").alone(
                "The rules that decide its calls."
            ),
            "flow": name("flow", names.flows, "callflows/").alone("The call flow its callers hear first."),
            "languages": name("file of prompts", names.languages, "callflows/prompts/").or_list(
                "The languages it speaks. The first is for callers who chose none."
            ),
        },
        "number site languages",
    )
    return whole_file(
        "The numbers we own, and what answers each.", {"lines": by_name("The lines, by name.", line)}, "lines"
    )


def sites(names: Names) -> Shape:
    """Return the shape of sites.yaml."""
    zone = written(
        r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*", "write it as America/New_York", "America/New_York", "America/Chicago"
    )
    site = fields(
        "A place of the pharmacy.",
        {
            "name": TEXT.alone("What callers hear it called."),
            "timezone": zone.alone("The clock on its wall, as in America/New_York."),
            "staffed_number": PHONE.alone("Rung when the line itself fails while the site is open."),
            "on_call": PHONE.alone("The pharmacist on call, for emergencies nobody else takes."),
            "address": TEXT.alone("Where it is, as callers hear it: 12 Main Street, Springfield."),
        },
        "name timezone staffed_number on_call",
    )
    return whole_file("The places of the pharmacy.", {"sites": by_name("The sites, by name.", site)}, "sites")


def hours(names: Names) -> Shape:
    """Return the shape of hours.yaml."""
    week = fields(
        "When the site is open, by its own clock. A day left out is closed.",
        {
            day: SHIFT.or_list(f"{full}: two times, a list of shifts, or closed.", least=0, of=TIMES)
            for day, full in zip(WEEKDAYS, _DAY_NAMES, strict=True)
        },
        minProperties=1,
    )
    has = {"hours": by_name("The week of each site.", week, names.sites), "holidays": _holidays()}
    return whole_file("When each site is open.", has, "hours")


def _holidays() -> Shape:
    name_of_it = TEXT.alone("What callers hear it called.")
    yearly = fields(
        "A day.", {"day": DAY_OF_YEAR.alone("The month and the day: 12-24."), "name": name_of_it}, "day name"
    )
    closed = DAY.or_fields(
        "A day as 2026-12-24, or with its name.",
        {"day": DAY.alone("The day: 2026-12-24."), "name": name_of_it},
        "day name",
    )
    country = Single(TEXT.types, TEXT.limits, ("US", "US-CA", "US-NY"))
    return fields(
        "The days on which all sites are closed.",
        {
            "country": country.alone("Closed on the holidays of a country, or of a state: US, US-CA."),
            "except": TEXT.list("Holidays of the country on which we are open, by name."),
            "also": list_of("Days on which we are closed every year.", yearly),
            "closed_days": list_of("Days on which we are closed once.", closed),
        },
    )


# ---------------------------------------------------------------- queues and staff


def queues(names: Names) -> Shape:
    """Return the shape of queues.yaml."""
    keep_free = fields(
        "How many stay free for emergencies.", {"licensed": whole(0, 500).alone("Licensed staff.")}, "licensed"
    )
    queue = fields(
        "A line of callers, and who may serve it.",
        {
            "title": TEXT.alone("What staff see."),
            "answer_within": DURATION.alone("The promise, where a rule names no other."),
            "licensed": FLAG.alone("Do only licensed staff take these calls?"),
            "needs": _skill(names).or_list("What whoever takes a call has to be able to do.", least=0),
            "offer_callback": FLAG.alone("Offer callers to be called back? Yes, unless you say no."),
            "record": FLAG.alone("Record these calls? No, unless you say yes."),
            "on_call": FLAG.alone("Ring the site's number on call for an emergency nobody takes?"),
            "keep_free": keep_free,
            "callback_mode": word(CALLBACK_MODES).alone("Who is rung first for a callback, unlike in policies.yaml."),
            "plan": list_of("What happens while a caller waits.", _plan_step(names)),
            "codes": _codes(),
            "nobody": _nobody(names).alone("What happens when nobody who is signed in could ever serve it."),
        },
        "answer_within nobody",
    )
    has = {"queues": by_name("The queues, by name.", queue)}
    return whole_file("The queues: lines of callers, and who may serve each.", has, "queues")


def _codes() -> Shape:
    word_of_it = written(
        "(?!unresolved$)[a-z0-9_]+", "one word in small letters, digits and _; not unresolved", also=("integer",)
    )
    has = {
        "code": word_of_it.alone("The word for the record."),
        "title": TEXT.alone("As it is said and shown."),
        "means": word(RESOLUTIONS).alone(
            "What the order system is told; else the code itself where it is one of these."
        ),
    }
    code = word_of_it.or_fields("A word, or a word and how it is said.", has, "code")
    return list_of("What may have come of a call, by key 1 to 9. With codes, every talk ends with one.", code)


def _nobody(names: Names) -> Single:
    choices = ("callback", "voicemail", "on_call")
    hint = f"write {', '.join(choices)}, or a site that takes it over; after adding a site, run `ivr schema`"
    return TEXT if names.sites is None else word((*choices, *sorted(names.sites)), hint)


def _plan_step(names: Names) -> Shape:
    places = None if names.queues is None or names.sites is None else [*names.queues, *names.sites]
    return fields(
        "After so long, one thing.",
        {
            "after": DURATION.alone("So long after the caller began to wait."),
            "announce": word(("position", "still")).alone("Tell them their place, or that they are still in line."),
            "offer": word(("callback", "voicemail")).alone(
                "Offer to call back, from then on and not before, or to take a message."
            ),
            "relax": _skill(names).alone("Stop asking for this skill."),
            "overflow": name("queue or site", places, "config/").alone(
                "Let the staff of this queue or site take it too."
            ),
            "voicemail": _queue(names).alone("Take a message for this queue."),
        },
        "after",
        minProperties=2,
        maxProperties=2,
    )


def staff(names: Names) -> Shape:
    """Return the shape of staff.yaml."""
    agent = fields(
        "Somebody who takes calls.",
        {
            "id": ONE_WORD.alone("One word, for commands and the record."),
            "name": TEXT.alone("Their name."),
            "site": _site(names).alone("Where they work."),
            "phone": PHONE.alone("The number they are rung on, in quotes. One of phone, sip and client."),
            "sip": written("sip:.*@.*", "write it as sip:ana@pharmacy.example").alone(
                "The SIP address they are rung on."
            ),
            "client": ONE_WORD.alone("The browser phone they are rung on."),
            "queues": _queue(names).or_list("The queues they serve."),
            "skills": ONE_WORD.or_list("What they can do that rules may ask for. Naming a skill here makes it one."),
            "languages": LANGUAGE.or_list("The languages they speak with callers, by code."),
            "licensed": FLAG.alone("Are they licensed? No, unless you say yes."),
            "pin": PIN.alone("4 to 8 digits in quotes, keyed in on any other phone."),
            "starts": word(("available", "signed_out")).alone("In shift from the start, or only after signing in?"),
            "extension": written("[0-9]{2,6}", "an extension is 2 to 6 digits", also=("integer",)).alone(
                "2 to 6 digits in quotes, keyed on the staff line from a phone that is not theirs."
            ),
            "shifts": _shifts(),
            "role": word(ROLES).alone("What they may do beside taking calls; agent unless you say more."),
        },
        "id name site queues",
        dependencies=one_of("phone", "sip", "client"),
    )
    return whole_file("Who takes calls.", {"agents": list_of("The agents.", agent)}, "agents")


def _shifts() -> Shape:
    day = "|".join(WEEKDAYS)
    return {
        "description": "When they work, by the site's clock: mon-fri, sat. At its start they are signed in.",
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": f"^({day})(-({day}))?$", "errorMessage": "write mon, or mon-fri"},
        "additionalProperties": SHIFT.or_list("Two times, a list of shifts, or closed.", least=0, of=TIMES),
    }


# ---------------------------------------------------------------- policies and facts


def policies(names: Names) -> Shape:
    """Return the shape of policies.yaml."""
    rate = written(r"[0-9]{1,3}(\.[0-9])?", "write a number from 0.1 to 100", also=("number",), minimum=0, maximum=100)
    transfer = fields("An outside number.", {"number": PHONE.alone("The number, in quotes.")}, "number")
    return whole_file(
        "House rules. What is left out keeps its usual value.",
        {
            "offers": fields(
                "How a call is put to an agent.",
                {
                    "ring": DURATION.alone("How long their phone rings."),
                    "accept": DURATION.alone("How long they have to press 1."),
                },
            ),
            "missed_return": DURATION.alone("An agent who missed a call is back after this."),
            "prefer_last_agent": FLAG.alone("Is whoever talked with a person lately asked before all others?"),
            "missed_in_a_row": whole(1, 1000).alone("After so many nobody comes back by themselves."),
            "wrap_up": DURATION.alone("What an agent has after a call before the next."),
            "held": DURATION.alone(
                "On hold during a talk for so long, the caller is called to mind; for twice as long, back."
            ),
            "callbacks": _callbacks(),
            "identity": _identity(),
            "old_facts": DURATION.alone("How long the order system's last word holds while it is away."),
            "message": DURATION.alone("The longest message a caller can leave."),
            "transcripts": _transcripts(names),
            "calls_per_second": rate.alone("How fast we place calls."),
            "texts_per_second": rate.alone("How fast we send texts."),
            "recording": fields(
                "How calls are recorded.",
                {"consent": word(("announce", "ask")).alone("Tell callers, or ask them, before the first word.")},
                "consent",
            ),
            "keep": fields(
                "How long each kind of data is kept, in days or years.",
                {kind: DAYS.alone(_KEPT[kind]) for kind in KEEP_DAYS},
            ),
            "retention": fields(
                "The old word for `keep`, in days; where both say, `keep` does.",
                {old: whole(1, 36_500).alone(_KEPT[kind]) for old, kind in OLD_WORD.items()},
            ),
            "transfers": by_name("Outside numbers a rule or a flow may send a caller to, by name.", transfer),
            "reach_out": word(ORDER_EVENTS).or_list("Events of the order system of which staff tell the patient."),
        },
        "",
    )


_KEPT = {
    "calls": "Calls, with what happened in each and why, what was promised and what came of it; 30d at least.",
    "audit": "Who changed and saw what; 6y at least.",
    "messages": "Messages callers left, since they were worked.",
    "transcripts": "What a machine wrote down of messages, since they were left.",
    "recordings": "Recorded talks.",
    "proofs": "Who tried to prove to be whom.",
    "forecasts": "What callers were told of their wait.",
    "callers": "The language and pace of a number, since it chose them.",
    "presences": "The days of agents, move by move.",
    "events": "What the order system said has happened.",
}


def _callbacks() -> Shape:
    return fields(
        "How callers are called back.",
        {
            "attempts": whole(1, 1000).alone("How many times we try."),
            "spacing": DURATION.alone("How long between two tries."),
            "expires": DURATION.alone("After this we stop trying."),
            "ring": DURATION.alone("How long the caller's phone rings."),
            "quiet": TIMES.alone("Nobody is called back in these hours, by their own clock and by ours."),
            "mode": word(CALLBACK_MODES).alone("Who is rung first. With caller_first an agent is held meanwhile."),
            "windows": TIMES.list("Times of day a caller may choose to be called in."),
            "machine": word(MACHINE).alone("What is done when a machine answers: nothing, or a few words, once."),
            "detect": FLAG.alone("Have the carrier tell a machine from a person? Yes, unless you say no."),
            "say_name": FLAG.alone("Name the pharmacy before the person has pressed 1? Yes, unless you say no."),
            "per_day": whole(1, 1000).alone("How often one number is rung in a day, for all its callbacks together."),
            "countries": COUNTRY.list("The countries whose numbers are called back, by code."),
            "spread": DURATION.alone("Between the promises of those who ask while we are closed."),
        },
    )


_WRONG = {
    "wrong_per_call": "After so many wrong proofs a call proves nothing more.",
    "wrong_per_person": "After so many against one person nobody proves to be them, until `within` has passed.",
    "wrong_per_number": "After so many from one number it proves nothing more, until `within` has passed.",
}


def _identity() -> Shape:
    counts = {key: whole(1, 1000).alone(_WRONG[key]) for key in WRONG}
    within = {"within": DURATION.alone("How far back wrong proofs are counted.")}
    return fields("How often callers may fail to prove who they are.", {**counts, **within})


def _transcripts(names: Names) -> Shape:
    return fields(
        "Who writes down what messages say. Without it nobody does.",
        {
            "by": word(TRANSCRIBERS).alone("Whoever makes them."),
            "languages": name("file of prompts", names.languages, "callflows/prompts/").or_list(
                "The languages they can make them of: Twilio only English."
            ),
            "within": DURATION.alone("How long one may take; after that a message counts as one without."),
        },
        "by languages",
    )


def medicines(names: Names) -> Shape:
    """Return the shape of medicines.yaml."""
    spelt = written("[a-z]+", "write the letters of the name, in small letters and nothing between them")
    group = {key: value for key, value in spelt.list("").items() if key != "description"}
    about = {
        "source": TEXT.alone("Where the list comes from."),
        "as_of": DAY.alone("How old it is: the day somebody last looked."),
    }
    groups = fields(
        "Names that are mistaken for each other.",
        {**about, "groups": list_of("The groups, each of two names or more.", group)},
        "source as_of groups",
    )
    controlled = fields(
        "Medicines that need more than a phone call.",
        {**about, "names": spelt.list("Their names, and those they are sold under.")},
        "source as_of names",
    )
    has = {"look_alikes": groups, "controlled": controlled}
    return whole_file("What is known of medicines by their names.", has, "")


def facts(names: Names) -> Shape:
    """Return the shape of facts.yaml."""
    value = written(
        f"(?!{UNKNOWN}$)[a-z0-9_]+",
        "one word in small letters, digits and _; unknown is always possible",
        also=("integer",),
    )
    bounds = written(f"{NUMBER} to {NUMBER}", "write the lowest and the highest, as in 0 to 500", "0 to 500")
    fact = fields(
        "A fact: one of `one_of`, `yes_no` and `number` says what it can be.",
        {
            "one_of": value.list("It is one of these words."),
            "yes_no": word(("yes",), "write yes, or leave it out").alone("It is yes or no."),
            "number": bounds.alone("It is a whole number from the first to the second."),
            "from": TEXT.alone("Where in the order system's answer it stands: coverage.plan."),
        },
        minProperties=1,
        dependencies=one_of("one_of", "yes_no", "number"),
    )
    taken = "|".join(known for known in FACTS if known != "medication_class")
    new = {
        "pattern": f"^(?!({taken})$)[a-z0-9_-]+$",
        "errorMessage": "a name is small letters, digits and _, and none of the facts every pharmacy has already",
    }
    kinds = {"medication_class": {**fact, "description": "What kinds of medicine there are."}}
    shape = {**by_name("The facts, by name.", fact), "propertyNames": new, "properties": kinds}
    return whole_file("What kinds of medicine there are, and facts of your own.", {"facts": shape}, "facts")
