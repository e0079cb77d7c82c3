"""Which version callers get: published into the record, followed by processes, kept by calls under way."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path, PosixPath

import pytest
from structlog.testing import capture_logs

from ivr import versions
from ivr.content import ContentProblems, Pharmacy
from ivr.content.library import MOST_KEPT, Library
from ivr.core.call import Caller
from ivr.core.events import Keyed
from ivr.dispatch import Dispatch
from ivr.leases import Leases
from ivr.parts import connect
from ivr.rescue import Rescue
from ivr.settings import Settings
from ivr.store import Publication, Published, Record, Unreachable, migrate
from ivr.switchboard import Exit, Switchboard
from ivr.versions import Following, Overtaken, Unsettled
from tests.office.admin import MONDAY, PROMPTS, RULES, STAFF, edit, folder_in, mistype, of_the_future, published, signed

SECRET_KEY = "a secret of the tests, long enough"
MAIN = "+12125550110"


@pytest.fixture
def content(tmp_path: Path) -> Path:
    return folder_in(tmp_path)


@contextlib.contextmanager
def opened(url: str) -> Iterator[Record]:
    with contextlib.closing(Record(url, SECRET_KEY)) as record:
        yield record


@pytest.fixture
def record(sqlite_url: str) -> Iterator[Record]:
    migrate(sqlite_url)
    with opened(sqlite_url) as record:
        yield record


def library_of(record: Record, content: Path) -> Library:
    return versions.open_library(record, content, MONDAY)


# ---------------------------------------------------------------- starting


def test_the_first_process_publishes_what_is_on_disk_and_later_ones_what_is_current(
    record: Record, content: Path
) -> None:
    first = library_of(record, content).current()
    edit(content, PROMPTS, "One moment, please.", "Just a moment.")

    assert library_of(record, content).current().version == first.version
    [publication] = record.published.history()
    assert (publication.seq, publication.author) == (1, "files")
    assert set(record.desk.agents()) == set(first.staff)


def test_processes_that_start_together_begin_with_the_same_version(database_url: str, tmp_path: Path) -> None:
    migrate(database_url)
    folders = [folder_in(tmp_path / str(number)) for number in range(4)]
    for number, one in enumerate(folders):
        edit(one, PROMPTS, "One moment, please.", f"{number} moments, please.")

    with opened(database_url) as record, ThreadPoolExecutor(4) as together:
        current = {library.current().version for library in together.map(lambda one: library_of(record, one), folders)}

        assert current == {publication.version for publication in record.published.history()}
    assert len(current) == 1


def test_files_with_a_mistake_are_not_even_the_first_version(record: Record, content: Path) -> None:
    mistype(content)

    with pytest.raises(ContentProblems):
        library_of(record, content)

    assert record.published.newest() is None


def test_a_process_starts_with_the_newest_version_it_can_read(record: Record, content: Path) -> None:
    known = published(record, content)
    of_the_future(record)
    of_the_future(record)

    assert library_of(record, content).current().version == known.version


def test_a_process_that_can_read_nothing_does_not_start(record: Record, content: Path) -> None:
    of_the_future(record)

    with pytest.raises(ContentProblems):
        library_of(record, content)


# ---------------------------------------------------------------- publishing


def test_a_version_that_is_current_is_not_published_twice(record: Record, content: Path) -> None:
    first, is_new = versions.publish(record, content, signed("first"), 0)
    again, is_new_again = versions.publish(record, content, signed("again"), 1)

    assert (is_new, is_new_again, again) == (True, False, first)


def test_who_publishes_second_is_told_who_was_faster(record: Record, content: Path, tmp_path: Path) -> None:
    published(record, content)
    edit(content, PROMPTS, "One moment, please.", "Just a moment.")
    theirs = folder_in(tmp_path / "theirs")
    edit(theirs, PROMPTS, "One moment, please.", "Please wait.")
    versions.publish(record, theirs, signed("wait", "tom", minutes=2), 1)

    with pytest.raises(Overtaken) as told:
        versions.publish(record, content, signed("moment"), 1)

    newest = record.published.newest()
    assert told.value.newest == newest
    assert newest is not None
    assert f"tom published {newest.version[:8]} meanwhile, as number 2" in str(told.value)
    assert "“wait”" in str(told.value)


def test_two_who_publish_the_same_files_are_both_right(record: Record, content: Path) -> None:
    first = published(record, content)
    edit(content, PROMPTS, "One moment, please.", "Just a moment.")
    second = published(record, content)

    assert versions.publish(record, content, signed(author="tom"), first.seq) == (second, False)


class Restless(PosixPath):
    """A folder in which somebody saves a file whenever it is looked at."""

    def is_dir(self) -> bool:
        file = Path(self, PROMPTS)
        if file.exists():
            file.write_text(file.read_text() + "# and another thing\n")
        return super().is_dir()


def test_files_that_change_while_they_are_checked_are_not_published(record: Record, content: Path) -> None:
    with pytest.raises(Unsettled):
        versions.publish(record, Restless(content), signed(), 0)

    assert record.published.newest() is None


def test_an_agent_added_to_the_staff_can_be_moved_at_once(record: Record, content: Path) -> None:
    published(record, content)
    edit(content, STAFF, "id: grace", "id: hopper")

    published(record, content)

    assert record.desk.agents()["hopper"].presence == "available"


# ---------------------------------------------------------------- following


def following(record: Record, content: Path) -> tuple[Library, Following]:
    library = library_of(record, content)
    return library, Following(library, record.published)


def test_a_process_takes_what_was_published_since(record: Record, content: Path) -> None:
    library, follower = following(record, content)
    edit(content, PROMPTS, "One moment, please.", "Just a moment.")
    newest = published(record, content)

    with capture_logs() as logs:
        follower.look()

    assert (library.current().version, library.behind) == (newest.version, "")
    assert [line["version"] for line in logs] == [newest.version[:8]]  # as `ivr history` names it


def test_a_process_that_cannot_read_a_version_keeps_its_own_and_says_so(record: Record, content: Path) -> None:
    library, follower = following(record, content)
    kept = library.current()
    future = of_the_future(record)

    for _ in range(2):
        follower.look()
        assert library.current() is kept
        assert library.behind == f"number 2 ({future.version[:8]}) cannot be read here; callers get {kept.version[:8]}"

    versions.put_back(record, record.published.history()[-1], signed(), 2)
    follower.look()
    assert (library.current(), library.behind) == (kept, "")


def test_what_a_process_knows_by_heart_changes_before_any_caller_gets_the_new_version(
    record: Record, content: Path
) -> None:
    library, follower = following(record, content)
    by_heart: dict[str, Rescue] = {}
    library.listen(lambda known: by_heart.update(rescue=Rescue(known, "https://line.example")))
    assert "+12025550120" in by_heart["rescue"].document(MAIN, MONDAY)
    edit(content, "config/sites.yaml", "+12025550120", "+12025550129")
    published(record, content)

    follower.look()

    assert "+12025550129" in by_heart["rescue"].document(MAIN, MONDAY)


def test_a_version_that_cannot_be_learnt_by_heart_is_not_taken(record: Record, content: Path) -> None:
    library, follower = following(record, content)
    kept = library.current()

    def learn(pharmacy: Pharmacy) -> None:
        if pharmacy is not kept:
            raise ValueError

    library.listen(learn)
    edit(content, PROMPTS, "One moment, please.", "Just a moment.")
    published(record, content)

    follower.look()

    assert library.current() is kept
    assert "cannot be read here" in library.behind


def test_without_the_database_a_process_goes_on_with_what_it_has(
    record: Record, content: Path, sqlite_url: str
) -> None:
    library, follower = following(record, content)
    kept = library.current()
    record.close()
    Path(sqlite_url.removeprefix("sqlite:///")).unlink()

    follower.look()

    assert (library.current(), library.behind) == (kept, "")


class Troubled(Published):
    """A record in which what is asked for goes wrong, once for each fault."""

    def __init__(self, record: Record, *, newest: Exception | None = None, load: Exception | None = None) -> None:
        self._published = record.published
        self._faults = {"newest": newest, "load": load}

    def newest(self) -> Publication | None:
        self._goes_wrong("newest")
        return self._published.newest()

    def load_version(self, version: str) -> dict[str, str] | None:
        self._goes_wrong("load")
        return self._published.load_version(version)

    def _goes_wrong(self, what: str) -> None:
        fault, self._faults[what] = self._faults[what], None
        if fault is not None:
            raise fault


@pytest.mark.parametrize("trouble", [{"newest": ValueError()}, {"load": Unreachable()}])
def test_a_look_that_goes_wrong_is_repeated_at_the_next_one(
    record: Record, content: Path, trouble: dict[str, Exception]
) -> None:
    library = library_of(record, content)
    follower = Following(library, Troubled(record, **trouble))
    edit(content, PROMPTS, "One moment, please.", "Just a moment.")
    newest = published(record, content)

    follower.look()
    before = library.current().version
    follower.look()

    assert before != newest.version == library.current().version


# ---------------------------------------------------------------- calls under way


@pytest.fixture
def settings(
    record: Record, sqlite_url: str, content: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    monkeypatch.setenv("RXLINE_CLOCK", "2026-11-24T10:00-05:00")
    monkeypatch.setenv("RXLINE_CLOCK_FILE", str(tmp_path / "clock.json"))
    return Settings(
        database_url=sqlite_url,
        redis_url="redis://127.0.0.1:1/0",
        order_system_url="http://127.0.0.1:1",
        rxline_content=content,
        secret_key=SECRET_KEY,
    )


@contextlib.contextmanager
def process(settings: Settings) -> Iterator[Switchboard]:
    """One process of the line."""
    board = connect(settings)
    yield board
    board.live.close()
    board.record.close()


def rings(board: Switchboard, call_id: str) -> str:
    """Somebody rings, and hears the language question."""
    return board.arrived(call_id, Caller(), MAIN)


def keys(board: Switchboard, call_id: str, document: int, digits: str) -> str:
    """They press keys at a document; what they hear next."""
    token = board.token_of(call_id)
    return board.turn(Exit(token, document, "next"), Keyed(token, digits), call_id)


def notices(board: Switchboard) -> None:
    Following(board.library, board.record.published).look()


def test_a_call_under_way_keeps_its_version_from_the_first_word_to_the_last(settings: Settings, content: Path) -> None:
    with process(settings) as board:
        rings(board, "CA1")
        edit(content, PROMPTS, "For insurance or payment, press 4.", "For insurance or payment, press 7.")
        edit(content, "callflows/prompts/es.yaml", "pagos, oprima el cuatro", "pagos, oprima el siete")
        edit(content, "callflows/main.yaml", "      4:", "      7:")
        published(board.record, content)
        notices(board)
        rings(board, "CA2")

        old, new = keys(board, "CA1", 1, "1"), keys(board, "CA2", 1, "1")

        assert ("payment, press 4." in old, "payment, press 7." in new) == (True, True)
        assert "prescription number" in keys(board, "CA1", 2, "4")
        assert "not one of the choices" in keys(board, "CA2", 2, "4")


def test_a_process_started_in_the_middle_of_a_call_goes_on_with_the_version_of_the_call(
    settings: Settings, content: Path
) -> None:
    with process(settings) as board:
        rings(board, "CA1")
        edit(content, PROMPTS, "For a refill, press 2.", "To order your medicine again, press 2.")
        published(board.record, content)

    with process(settings) as again:
        assert "For a refill, press 2." in keys(again, "CA1", 1, "1")


def test_a_call_whose_version_nobody_can_read_any_more_goes_on_with_the_current_one(
    settings: Settings, content: Path
) -> None:
    with process(settings) as board:
        future = of_the_future(board.record)
        current = board.pharmacy()

        assert board.pharmacy(future.version) is board.pharmacy("never published") is current


def test_a_process_forgets_versions_it_has_not_met_for_long_and_can_bring_them_again(
    record: Record, content: Path
) -> None:
    library = library_of(record, content)
    first = replace(library.current())  # not the very one that reading it again yields
    library.put(first)
    for number in range(MOST_KEPT):
        library.put(replace(first, version=f"version {number}"))

    brought = library.version(first.version)

    assert brought is not first
    assert (brought.version, brought.flows) == (first.version, first.flows)
    assert library.version(first.version) is brought


# ---------------------------------------------------------------- what a new version has no more


def with_a_concierge(content: Path) -> None:
    """A queue of its own for whoever wants a person, served by grace and by omar."""
    queues = content / "config/queues.yaml"
    queues.write_text(queues.read_text() + "\n  concierge: {title: Concierge, answer_within: 3m, nobody: callback}\n")
    edit(content, STAFF, "queues: [refills, front_desk]", "queues: [refills, front_desk, concierge]")
    edit(content, STAFF, "queues: [insurance, billing]", "queues: [insurance, billing, concierge]")
    edit(content, RULES, "otherwise: {queue: front_desk", "otherwise: {queue: concierge")
    edit(content, RULES, "expect: {queue: front_desk, rule: otherwise}", "expect: {queue: concierge, rule: otherwise}")


@pytest.fixture
def board(settings: Settings, content: Path, tmp_path: Path) -> Iterator[Switchboard]:
    """A caller waits in a queue; then a version is published that has no such queue, and omar's place is vacant."""
    with_a_concierge(content)
    with process(settings) as board:
        rings(board, "CA1")
        keys(board, "CA1", 1, "1")
        keys(board, "CA1", 2, "0")
        newer = folder_in(tmp_path / "newer")
        edit(newer, STAFF, "id: omar", "id: olga")
        published(board.record, newer)
        notices(board)
        yield board


def only(board: Switchboard, *working: str) -> None:
    """Nobody else is signed in."""
    for agent in board.record.desk.agents():
        if agent not in working:
            board.record.desk.move_agent(agent, "signed_out", "", board.clock.now())


def offers(board: Switchboard) -> list[str]:
    Dispatch(board, Leases(board.record.watch, "here")).once()
    return [offer.agent for _, offer in board.record.desk.open_offers()]


def waits(board: Switchboard) -> str:
    return board.waiting(Exit(board.token_of("CA1"), 3, "wait"))


def test_who_waits_in_a_queue_that_was_published_away_is_served_by_those_who_served_it(board: Switchboard) -> None:
    assert [ticket.queue for ticket in board.record.desk.waiting("central")] == ["concierge"]
    assert "concierge" not in board.pharmacy().queues

    assert "have us call you back, press 1" in waits(board)
    assert offers(board) == ["grace"]


def test_who_left_the_staff_is_offered_nothing_and_whoever_nobody_could_serve_is_told(board: Switchboard) -> None:
    only(board, "omar", "olga", "ruth")

    assert offers(board) == []
    loaded = board.record.load_call("CA1")
    assert loaded is not None
    assert loaded.call.dialogue == "nobody"
    assert waits(board)
