"""What the settings of every kind of network have in common: JSON, checks, differences."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from landmarks.errors import InputError

BATCH_LIMIT = 65_536
"""More than any memory holds: told at once, not by the allocator."""

_SEED_LIMIT = 2**63

Own = TypeVar("Own", bound="Settings")


class ConfigError(InputError):
    """A setting is outside of what can be trained, or a file holds no settings."""


@dataclass(frozen=True)
class Settings:
    """Base of a frozen dataclass whose fields are the settings; all are what JSON can hold.

    Attributes
    ----------
    KIND : str
        Of the network, for errors.
    VERSION : int
        Of the text; newer ones are refused.
    """

    KIND: ClassVar[str]
    VERSION: ClassVar[int] = 1

    def to_json(self) -> str:
        """One line that `from_json` reads; equal settings give equal text."""
        return json.dumps({"version": self.VERSION, **dataclasses.asdict(self)}, sort_keys=True)

    @classmethod
    def from_json(cls: type[Own], text: str, source: str = "the text") -> Own:
        """Read what `to_json` wrote.

        Parameters
        ----------
        text : str
        source : str, optional
            Where it comes from, for errors.

        Raises
        ------
        ConfigError
            Damaged, of a newer version, or a setting that is not known or not allowed.
        """
        try:
            values = json.loads(text)
            version = int(values.pop("version"))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            raise ConfigError(f"{source} holds no settings of a {cls.KIND}") from None
        if version > cls.VERSION:
            raise ConfigError(
                f"{source} is of version {version}, newer than the {cls.VERSION} that this "
                "software reads: update the software"
            )
        names = {entry.name for entry in dataclasses.fields(cls)}
        if unknown := sorted(set(values) - names):
            if names - set(values):
                raise ConfigError(
                    f"{source} holds no settings of a {cls.KIND}: {unknown[0]!r} is none of them"
                )
            raise ConfigError(f"{source} has the unknown setting {unknown[0]!r}")
        try:
            return cls(**values)
        except ConfigError as error:
            raise ConfigError(f"{source}: {error}") from None
        except (TypeError, AttributeError) as error:
            raise ConfigError(f"{source} has a setting of the wrong type: {error}") from None

    def differences(self: Own, other: Own) -> list[str]:
        """What another one says otherwise, in words: `batch is 16, not 8`."""
        return [
            f"{entry.name} is {_short(mine)}, not {_short(theirs)}"
            for entry in dataclasses.fields(self)
            if (mine := getattr(self, entry.name)) != (theirs := getattr(other, entry.name))
        ]

    def check_among(self, name: str, known: tuple[Any, ...]) -> None:
        """Raise ConfigError if a setting is none of the known values."""
        value = getattr(self, name)
        if value not in known:
            listed = ", ".join(map(str, known))
            raise ConfigError(f"{name} is {value!r}: expected one of {listed}")

    def check_whole(self, name: str, *, least: int = 1, most: int | None = None) -> None:
        """Raise ConfigError if a setting is no whole number between two others."""
        value = getattr(self, name)
        if not isinstance(value, int) or value < least or (most is not None and value > most):
            wanted = f"{least} or more" if most is None else f"{least} to {most}"
            raise ConfigError(f"{name} is {value}: expected a whole number of {wanted}")

    def check_seed(self) -> None:
        """Raise ConfigError if `seed` is none that torch takes."""
        self.check_whole("seed", least=0, most=_SEED_LIMIT - 1)


def completed(
    given: Mapping[str, float], known: Mapping[str, float], recipe: str
) -> dict[str, float]:
    """A recipe's numbers, with those that were given in their places.

    Parameters
    ----------
    given : mapping
        Some of them.
    known : mapping
        All of them.
    recipe : str
        Its name, for errors.

    Raises
    ------
    ConfigError
        The recipe has no such number, or it is negative or not finite.
    """
    for name, value in given.items():
        if name not in known:
            raise ConfigError(
                f"the {recipe} recipe has no setting {name!r}: expected some of {', '.join(known)}"
            )
        if not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
            raise ConfigError(f"{name} is {value!r}: expected a number of 0 or more")
    return {**known, **given}


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
