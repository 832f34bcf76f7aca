"""The form of a bank account's settings: which fields it has, what stands in them, and what is to
change by what was typed. Fields of a scheme or a way that is not chosen keep what they hold."""

from collections.abc import Mapping, Sequence

import msgspec

from payviox.dashboard.rails.bank_words import GROUPS, LABELS, VALUES
from payviox.errors import FieldErrors
from payviox.rail_accounts import rules
from payviox.rail_accounts.model import Changes, RailAccount
from payviox.rails.bank.settings import SETTINGS, Setting

ONLY: Mapping[str, str] = {"sepa": "sepa", "ach": "ach", "rates": "sepa"}
"""Groups that one scheme alone needs."""


class BankField(msgspec.Struct, frozen=True):
    """A setting as it is asked for. `only` is what has to be chosen for it to be shown; of
    `choices` with their words one is taken, or several."""

    name: str
    label: str
    hint: str
    value: str
    only: str
    choices: Sequence[tuple[str, str]]
    several: bool

    @property
    def chosen(self) -> list[str]:
        return parts(self.value)


class BankGroup(msgspec.Struct, frozen=True):
    """Fields under one title."""

    name: str
    title: str
    hint: str
    only: str
    fields: list[BankField]


def typed_of(account: RailAccount | None) -> dict[str, str]:
    """What stands in the fields: what the account has, and the defaults of the rest."""
    stored = {} if account is None else account.settings
    return {name: _stored(stored, name, setting) for name, setting in SETTINGS.items()}


def read(form: Mapping[str, str], stands: Mapping[str, str]) -> dict[str, str]:
    """What was typed; of what the form did not ask for, what stands."""
    typed = dict(stands)
    for name, setting in SETTINGS.items():
        if name in form and setting.several:
            typed[name] = ", ".join(each for each in setting.choices if form.get(f"{name}_{each}"))
        elif name in form:
            typed[name] = form[name].strip()
    return typed


def changes(typed: Mapping[str, str], stands: Mapping[str, str]) -> Changes:
    """What was typed otherwise than it stands. Raises FieldErrors."""
    missing = [name for name, each in SETTINGS.items() if not each.optional and not typed[name]]
    if missing:
        raise FieldErrors({name: [f"{name} is required."] for name in missing})
    return rules.parse(
        "bank",
        [f"{name}={text or rules.NONE}" for name, text in typed.items() if text != stands[name]],
        connecting=True,
    )


def groups(typed: Mapping[str, str]) -> list[BankGroup]:
    """The form, filled in."""
    return [
        BankGroup(
            group,
            *words,
            only=ONLY.get(group, ""),
            fields=[
                BankField(
                    name,
                    *LABELS[name],
                    value=typed[name],
                    only=setting.only or "",
                    choices=[(value, VALUES[name][value]) for value in setting.choices],
                    several=setting.several,
                )
                for name, setting in SETTINGS.items()
                if setting.group == group
            ],
        )
        for group, words in GROUPS.items()
    ]


def shown(account: RailAccount) -> list[tuple[str, str]]:
    """The settings that count, in words."""
    values = typed_of(account)
    chosen = {*parts(values["schemes"]), values["release"]}
    return [
        (LABELS[name][0], _words(name, values[name]))
        for name, setting in SETTINGS.items()
        if values[name] and (setting.only is None or setting.only in chosen)
    ]


def in_words(errors: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Messages that begin with a setting's name, by its label."""
    return {
        name: [
            f"{LABELS[name][0]}{text.removeprefix(name)}"
            if name in LABELS and text.startswith(f"{name} ")
            else text
            for text in messages
        ]
        for name, messages in errors.items()
    }


def parts(text: str) -> list[str]:
    """`sepa, ach` as a list."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _words(name: str, value: str) -> str:
    if name == "spread":
        return f"{value} %"
    words = VALUES.get(name, {})
    return "; ".join(words.get(each, each) for each in parts(value)) if words else value


def _stored(settings: Mapping[str, object], name: str, setting: Setting) -> str:
    if setting.kind == "percentage":
        stored = settings.get(f"{name}_bp")
        return rules.percent(stored) if isinstance(stored, int) else setting.default
    return str(settings.get(name) or setting.default)
