"""Wrong offers of proof are counted once, for the call, the number and the person, and lifted with a trace."""

from __future__ import annotations

import threading
from datetime import timedelta

from sqlalchemy import create_engine, text

from ivr.store import Offered, Record, Suspect, Wrong
from tests.store.calls import MORNING, ROSA, after

DAY = timedelta(days=1)
SINCE = MORNING - DAY


def offered(call: str = "CA1", ask: str = "identity:0", number: str | None = ROSA, about: str | None = "p1") -> Offered:
    return Offered(call, ask, number, about, wrong=True)


def keep(record: Record, *offers: Offered, wrong: bool = True) -> Wrong:
    counted = [record.proofs.keep(Offered(o.call_id, o.ask, o.number, o.about, wrong), MORNING, SINCE) for o in offers]
    return counted[-1]


def test_a_wrong_offer_counts_against_call_number_and_person(record: Record) -> None:
    assert keep(record, offered("CA1")) == Wrong(call=1, number=1, person=1)
    assert keep(record, offered("CA2")) == Wrong(call=1, number=2, person=2)
    assert keep(record, offered("CA3", number="+15550199")) == Wrong(call=1, number=1, person=3)
    assert keep(record, offered("CA3", "identity:1", number="+15550199", about="p2")) == Wrong(2, 2, 1)


def test_what_is_asked_twice_counts_once(record: Record) -> None:
    keep(record, offered())
    assert keep(record, offered()) == Wrong(1, 1, 1)


def test_a_right_offer_does_not_count(record: Record) -> None:
    assert keep(record, offered(), wrong=False) == Wrong(0, 0, 0)


def test_nobody_in_particular_and_no_number_count_against_the_call_alone(record: Record) -> None:
    keep(record, offered("CA1", number=None, about=None))
    assert keep(record, offered("CA2", number=None, about=None)) == Wrong(call=1, number=0, person=0)


def test_after_its_time_a_wrong_offer_counts_no_more(record: Record) -> None:
    keep(record, offered())
    later = MORNING + DAY
    offer = offered("CA2")
    assert record.proofs.keep(offer, later, later - DAY).person == 2
    later += timedelta(seconds=1)
    assert record.proofs.keep(offer, later, later - DAY).person == 1


def test_who_has_too_many_is_listed_by_id_or_by_the_last_two_digits(record: Record) -> None:
    for n in range(3):
        record.proofs.keep(offered(f"CA{n}"), after(n), SINCE)
    keep(record, offered("CA9", number="+15550199", about="p2"))

    assert record.proofs.suspects(SINCE, person=3, number=3) == [
        Suspect("p1", None, 3, after(2)),
        Suspect(None, ROSA[-2:], 3, after(2)),
    ]
    assert record.proofs.suspects(SINCE, person=4, number=4) == []


def test_lifted_they_count_no_more_and_stay_with_who_lifted_them(record: Record, migrated_url: str) -> None:
    keep(record, offered("CA1"), offered("CA2"))

    assert record.proofs.lift(by="grace", now=after(5), person="p1") == 2

    assert keep(record, offered("CA3")).person == 1
    engine = create_engine(migrated_url)
    with engine.connect() as connection:
        lifted = connection.execute(text("SELECT call_id, lifted_by FROM proofs WHERE lifted_at IS NOT NULL")).all()
    engine.dispose()
    assert sorted(tuple(row) for row in lifted) == [("CA1", "grace"), ("CA2", "grace")]


def test_a_number_is_lifted_by_itself_and_kept_as_a_key_only(record: Record, migrated_url: str) -> None:
    keep(record, offered("CA1"), offered("CA2", number="+15550199"))

    assert record.proofs.lift(by="grace", now=after(5), number=ROSA) == 1
    assert record.proofs.lift(by="grace", now=after(5), number=ROSA) == 0

    engine = create_engine(migrated_url)
    with engine.connect() as connection:
        kept = str(connection.execute(text("SELECT * FROM proofs")).all())
    engine.dispose()
    assert ROSA[1:] not in kept


def test_many_at_once_are_all_counted_and_the_last_to_be_kept_sees_them_all(record: Record) -> None:
    """Twenty lines at once against one person: whoever is kept after so many knows of so many."""
    seen: list[int] = []
    together = threading.Barrier(20)

    def offer(n: int) -> None:
        together.wait()
        seen.append(record.proofs.keep(offered(f"CA{n}", number=f"+155501{n:02}"), MORNING, SINCE).person)

    threads = [threading.Thread(target=offer, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(seen) == 20
    assert all(count >= place for place, count in enumerate(sorted(seen), 1))
    assert keep(record, offered("CA99"), wrong=False).person == 20
