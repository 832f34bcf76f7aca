"""`make messages`: what payout users may read, out of templates and code into the catalogues.

New sentences come in empty, changed and dropped ones go out; nothing is guessed. Says what is
missing in which language."""

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from payviox.languages import catalogues
from payviox.mails.model import TO_PAYOUT_USERS
from payviox.rails import failures, reasons, reviews, waiting
from payviox.withdrawals import whereabouts

SOURCE = Path(catalogues.__file__).parents[1]
PYTHON = (
    "redeem/**/*.py",
    "recipient_mails/**/*.py",
    "withdrawals/mails.py",
    "withdrawals/whereabouts.py",
    "mails/rendering.py",
    "unclaimed/**/*.py",
)
TEMPLATES = (
    "redeem/**/*.html",
    "web/templates/ui.html",
    "mails/messages/*recipient.*",
    "mails/messages/withdrawal.*",
    *(f"mails/messages/{message}/*.html" for message in TO_PAYOUT_USERS),
    *(f"mails/messages/{message}/*.txt" for message in TO_PAYOUT_USERS),
)
KEYWORDS = {"gettext": None, "ngettext": (1, 2), "marked": None}
OPTIONS = {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
WIDTH = 110


def sentences() -> Catalog:
    """Everything that payout users may read, in English."""
    catalogue = Catalog(charset="utf-8")
    for method, patterns in (("python", PYTHON), ("jinja2.ext:babel_extract", TEMPLATES)):
        for path in _files(patterns):
            with path.open("rb") as file:
                for _, message, _, _ in extract(method, file, KEYWORDS, (), OPTIONS):
                    catalogue.add(message, locations=[(str(path.relative_to(SOURCE)), 0)])
    for module, reason in _reasons():
        catalogue.add(reason.recipient, locations=[(f"rails/{module}.py", 0)])
    for state in whereabouts.STATES.values():
        for sentence in (state.recipient, state.next):
            catalogue.add(sentence, locations=[("withdrawals/whereabouts.py", 0)])
    return catalogue


def merged(code: str) -> Catalog:
    """A language's catalogue with exactly these sentences."""
    with (catalogues.FOLDER / code / catalogues.FILE).open("rb") as file:
        kept = read_po(file)
    fresh = Catalog(
        locale=kept.locale or Locale.parse(code), charset="utf-8", fuzzy=False, header_comment=""
    )
    for message in sentences():
        if message.id:
            known = kept.get(message.id)
            same = known is not None and known.id == message.id and not known.fuzzy
            fresh.add(
                message.id,
                known.string if same and known else "",
                locations=sorted(set(message.locations)),
            )
    return fresh


def written(catalogue: Catalog) -> bytes:
    """The file: the same for the same sentences, whoever runs this when."""
    buffer = BytesIO()
    write_po(
        buffer, catalogue, width=WIDTH, omit_header=True, sort_output=True, include_lineno=False
    )
    header = (
        'msgid ""\nmsgstr ""\n'
        f'"Language: {catalogue.locale_identifier}\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n'
        f'"Plural-Forms: {catalogue.plural_forms}\\n"\n\n'
    )
    return header.encode() + buffer.getvalue()


def missing(catalogue: Catalog) -> list[str]:
    """Sentences without a translation."""
    return [
        str(message.id)
        for message in catalogue
        if message.id
        and not all(message.string if isinstance(message.string, tuple) else [message.string])
    ]


def _files(patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        found = sorted(SOURCE.glob(pattern))
        if not found:
            raise LookupError(f"{pattern} names no file")
        yield from found


def _reasons() -> Iterator[tuple[str, reasons.Reason]]:
    for name, named in (
        ("failures", failures.FAILURES),
        ("reviews", reviews.REVIEWS),
        ("waiting", waiting.WAITING),
    ):
        yield from ((name, reason) for reason in named.values())
    yield "reasons", reasons.UNKNOWN


def main() -> None:
    complete = True
    for code in catalogues.codes()[1:]:
        catalogue = merged(code)
        (catalogues.FOLDER / code / catalogues.FILE).write_bytes(written(catalogue))
        for sentence in missing(catalogue):
            complete = False
            sys.stderr.write(f"{code}: {sentence}\n")
    sys.exit(0 if complete else 1)


if __name__ == "__main__":
    main()
