"""What the pharmacy tells the listener: `callflows/speech/<language>.yaml`, on top of what is built in."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache, partial, reduce
from pathlib import Path

from ivr.content import scalars
from ivr.content.problems import did_you_mean
from ivr.content.reading import Fields, Read, keyed, listed, name_of, scalar
from ivr.content.written import File, Item, Wrong, read_yaml, text
from ivr.core.rules import FACTS
from ivr.speech.phrases import BUILT_IN, GAP, MEDICINE, NUMBER, Phrase, Phrases
from ivr.speech.words import BREAK, PAUSE, words_of

FOLDER = "callflows/speech/"
LEVELS = ("emergency", "urgent", "ask")
LONGEST = 200  # characters
PHRASES = Path(__file__).parent.parent / "speech" / "phrases"


@cache
def built_in() -> Phrases:
    """Return what the listener knows without any file of the pharmacy's; reading it takes a fifth of a second, once."""
    paths = sorted(PHRASES.glob("*.yaml"))
    files = [File(f"{BUILT_IN}{path.name}", path.read_text(encoding="utf-8")) for path in paths]
    tops = [top for file in files if (top := read_yaml(file))]
    lists = {name for top in tops for name in lists_in(top)}
    return reduce(Phrases.beside, (_read(top, {NUMBER, MEDICINE, *lists}) for top in tops), Phrases())


def with_built_in(own: Phrases) -> Phrases:
    """Return everything the listener is told by a pharmacy: its own phrases, and what is built in."""
    return built_in().beside(own)


def lists_in(top: Item | None) -> set[str]:
    """Return the names of the lists a file defines, as far as it can be read."""
    lists = top.at("lists") if top and top.kind == "mapping" else None
    return {key.text for key, _ in lists.pairs} if lists else set()


def read_speech(top: Item, own_lists: Collection[str]) -> Phrases:
    """Return one language's phrases, which may use the lists of all files; raises Wrong after reporting every fault."""
    needs_lists = "<" in top.file.text  # few do, and the built-in ones take their time
    return _read(top, {NUMBER, MEDICINE, *own_lists, *(built_in().lists if needs_lists else ())})


def _read(top: Item, known_lists: Collection[str]) -> Phrases:
    fields = Fields(top, "a file of speech")
    phrase = partial(_phrase, known_lists)
    fields.need("version", scalar(scalars.version))
    red_flags = fields.take("red_flags", _groups("red_flags", LEVELS, phrase), {})
    intents = fields.take("intents", _groups("intents", FACTS["intent"].values, phrase), {})
    idioms = fields.take("not", listed(phrase), ())
    medicines = fields.take("medicines", keyed(_misheard, "medicines by name"), {})
    lists = fields.take("lists", keyed(_list, "lists by name"), {})
    fields.done()
    return Phrases(red_flags, intents, idioms, medicines, lists)


def _groups(what: str, names: Iterable[str], read: Read[Phrase]) -> Read[dict[str, tuple[Phrase, ...]]]:
    """Return a reader of phrases by some names."""

    def read_groups(item: Item) -> dict[str, tuple[Phrase, ...]]:
        fields = Fields(item, what)
        found = {name: fields.take(name, listed(read), ()) for name in names}
        fields.done()
        return {name: phrases for name, phrases in found.items() if phrases}

    return read_groups


def _list(key: Item, item: Item) -> tuple[str, ...]:
    name_of(key, "a list")
    return listed(_plain)(item)


def _phrase(lists: Collection[str], item: Item) -> Phrase:
    phrase = Phrase(_plain(item), item.file.path, item.line)
    for name in phrase.lists:
        if name not in lists:
            raise Wrong("reference", f"no list is called <{name}>{did_you_mean(name, lists)}", item)
    if phrase.text.split()[0] == GAP or phrase.text.split()[-1] == GAP:
        raise Wrong("syntax", "words have to stand on both sides of ...", item)
    return phrase


def _plain(item: Item) -> str:
    words = text(item)
    if len(words) > LONGEST:
        raise Wrong("range", f"this phrase has {len(words)} characters; at most {LONGEST} fit", item)
    if not any(word not in (BREAK, PAUSE) for word in words_of(words)):
        raise Wrong("type", "there is no word in this phrase that anybody could say", item)
    return " ".join(words.split())


def _misheard(key: Item, item: Item) -> tuple[str, ...]:
    _plain(key)
    nothing = item.kind == "list" and not item.items
    return () if nothing else listed(_plain)(item)
