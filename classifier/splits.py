"""Who learns, who judges the learning, and who is tested: always whole persons.

The rule of the whole project (`landmarks.split_of`) tells from a person's name alone; folds are
scikit-learn's. Faces of nobody known only teach, where others' persons are known; where nobody's
is, each picture goes its own way, and every number says "persons unknown".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier.sources import SYNTHETIC
from landmarks.errors import InputError
from landmarks.samples import split_of

UNKNOWN = "persons unknown"
"""What stands beside every number where nobody's person is known."""

PARTLY = "persons partly unknown"
"""What stands there where some are."""

_SHOWN = 5


class PersonsError(InputError):
    """Persons are in two places, or too few."""


def note_on(sets: Iterable[Any]) -> str:
    """What stands behind a number that these sets went into: empty where all persons are known.

    Parameters
    ----------
    sets : iterable
        With `persons`, such as `classifier.dataset.Faces`.
    """
    unknown = [person is None for one in sets for person in one.persons]
    return f"; {UNKNOWN if all(unknown) else PARTLY}" if any(unknown) else ""


def split_all(persons: Sequence[str | None], names: Sequence[str]) -> NDArray[np.str_]:
    """The split of each face.

    Parameters
    ----------
    persons : sequence of n str or None
    names : sequence of n str
        Of the pictures (`Entry.name`); they stand for persons where nobody's is known.

    Returns
    -------
    splits : (n,) array of {'train', 'validation', 'test'}
    """
    nobody = all(person is None for person in persons)
    told = [_split(name if nobody else person) for person, name in zip(persons, names, strict=True)]
    return np.array(told)


def _split(person: str | None) -> str:
    # The number alone tells, as for the networks of other rooms.
    return "train" if person is None else split_of(person.removeprefix(SYNTHETIC))


def folds(
    emotions: Sequence[str], persons: Sequence[str | None], count: int = 5, seed: int = 0
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Parts of a set that are tested one after the other, persons apart.

    Parameters
    ----------
    emotions, persons : sequence of n str
        Faces of nobody known are never tested where others' persons are known.
    count : int, optional
        Of folds.
    seed : int, optional

    Yields
    ------
    train, test : int arrays
        Rows.

    Raises
    ------
    PersonsError
        There are fewer persons than folds, or no emotion has so many faces.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    nobody = all(person is None for person in persons)
    groups = np.array(
        [str(row) if nobody else person or "" for row, person in enumerate(persons)], dtype=object
    )
    judged = np.flatnonzero(groups != "")
    if (told := len(set(groups[judged].tolist()))) < count:
        raise PersonsError(f"there are {told} persons: expected at least one for each of {count}")
    others = np.flatnonzero(groups == "")
    labels = np.asarray(emotions)[judged]
    most, faces = Counter(labels.tolist()).most_common(1)[0]
    if faces < count:
        raise PersonsError(
            f"{most}, the most frequent emotion, has {faces} faces: expected at least one for each "
            f"of {count} parts"
        )
    folder = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    for train, test in folder.split(labels, labels, groups[judged]):
        yield np.sort(np.concatenate([judged[train], others])), judged[test]


def refuse_shared(train: Sequence[Any], test: Sequence[Any]) -> None:
    """Refuse persons that are both learnt from and tested.

    Parameters
    ----------
    train, test : sequences of str or None

    Raises
    ------
    PersonsError
        Some are in both; they are named.
    """
    shared = sorted({str(p) for p in train if p is not None} & {str(p) for p in test if p})
    if shared:
        more = f" and {len(shared) - _SHOWN} more" if len(shared) > _SHOWN else ""
        raise PersonsError(
            f"{len(shared)} persons are in both training and test: {', '.join(shared[:_SHOWN])}"
            f"{more}; a person may be in one of them only"
        )


def refuse_few(emotions: Sequence[str], persons: Sequence[str | None]) -> None:
    """Refuse a class that one person alone shows: it cannot be tested on another.

    Raises
    ------
    PersonsError
        There are fewer than two classes, or one shows a single person.
    """
    shown: dict[str, set[str | None]] = {}
    for emotion, person in zip(emotions, persons, strict=True):
        shown.setdefault(emotion, set()).add(person)
    if len(shown) < 2:
        raise PersonsError(
            f"all faces show {', '.join(shown) or 'nothing'}: expected two emotions or more"
        )
    for emotion, who in sorted(shown.items()):
        if len(who) == 1 and None not in who:
            raise PersonsError(
                f"{emotion} is shown by one person alone ({next(iter(who))}): expected two or more,"
                " or leave that emotion out (--without)"
            )
