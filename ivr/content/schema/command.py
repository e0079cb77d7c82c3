"""`ivr schema`: what an editor knows about the pharmacy's files, written beside them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from ivr.content import folder
from ivr.content.names import Names
from ivr.content.pharmacy import known_names
from ivr.content.schema import FILES, schema_of

PLACE = Path("docs/schema")  # below the content folder, where the first line of each file points


@click.command("schema")
@click.argument("kind", required=False, type=click.Choice([*FILES]))
@click.option("--content", type=click.Path(path_type=Path), help="The content folder; else RXLINE_CONTENT.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Where to write; else docs/schema there.")
@click.pass_context
def command(context: click.Context, kind: str | None, content: Path | None, out: Path | None) -> None:
    """Write what editors need to offer words, explain keys and underline mistakes in the pharmacy's files.

    With KIND, only print that one. The names of your queues, flows, prompts and the like are filled in from the
    content folder, so run this again after adding one.
    """
    content = content or Path(os.environ.get("RXLINE_CONTENT") or ".")
    names = _names(content)
    if kind:
        click.echo(as_text(kind, names or Names()), nl=False)
    elif names is None and out is None:
        click.echo(f"ivr schema: there are no rules, flows or configuration in {content}", err=True)
        context.exit(2)
    else:
        _write(out or content / PLACE, names or Names())


def _names(content: Path) -> Names | None:
    """Return the names the content defines, or None when there is none."""
    texts = folder.texts(content)[0] if content.is_dir() else {}
    return known_names(texts) if texts else None


def as_text(kind: str, names: Names) -> str:
    """Return a schema as it stands in its file."""
    return json.dumps(schema_of(kind, names), indent=1, ensure_ascii=False) + "\n"


def _write(out: Path, names: Names) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for kind in FILES:
        (out / f"{kind}.json").write_text(as_text(kind, names), encoding="utf-8", newline="\n")
    click.echo(f"{len(FILES)} files written to {out}")
