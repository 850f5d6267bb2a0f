"""The emotions, and the names that other people's sets give them: one table for all readers.

Names are compared without case, spaces, `_` and `-`. Words mean the same everywhere, and so do
their beginnings of two or three letters that all sets share (HA, SUR); numbers, and letters that
one set alone uses (AF), need its name (a scheme).

References
----------
Lucey et al., "The Extended Cohn-Kanade Dataset (CK+)", CVPRW 2010 (numbers).
Lyons et al., "Coding Facial Expressions with Gabor Wavelets", FG 1998 (JAFFE's letters).
Lundqvist, Flykt, Öhman, "The Karolinska Directed Emotional Faces", 1998 (letters).
Goodfellow et al., "Challenges in Representation Learning", ICONIP 2013 (FER2013's numbers).
Mollahosseini et al., "AffectNet", IEEE Trans. Affective Computing 2017 (numbers).
Li and Deng, "Reliable Crowdsourcing and Deep Locality-Preserving Learning", CVPR 2017 (RAF-DB's).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from landmarks.errors import InputError

EMOTIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
"""What a classifier tells apart; the order of its classes."""

CONTEMPT = "contempt"
"""An eighth, which few sets have: it is known, and taken where it is asked for."""

ALL = (*EMOTIONS, CONTEMPT)

_WORDS = {
    "anger": "anger angry mad an ang",
    "disgust": "disgust disgusted di dis",
    "fear": "fear fearful afraid scared fe fea",
    "happiness": "happiness happy joy joyful smile smiling ha hap",
    "sadness": "sadness sad sa",
    "surprise": "surprise surprised su sur",
    "neutral": "neutral calm noemotion ne neu",
    "contempt": "contempt contemptuous con",
}

WORDS: dict[str, str] = {word: name for name, words in _WORDS.items() for word in words.split()}
"""Word → emotion, wherever it comes from."""


def _numbered(names: str, first: int = 0) -> dict[str, str]:
    return {str(first + number): name for number, name in enumerate(names.split())}


SCHEMES: dict[str, Mapping[str, str]] = {
    "ck+": _numbered("neutral anger contempt disgust fear happiness sadness surprise"),
    "jaffe": {
        **{"an": "anger", "di": "disgust", "fe": "fear", "ha": "happiness"},
        **{"sa": "sadness", "su": "surprise", "ne": "neutral"},
    },
    "kdef": {
        **{"an": "anger", "di": "disgust", "af": "fear", "ha": "happiness"},
        **{"sa": "sadness", "su": "surprise", "ne": "neutral"},
    },
    "fer2013": _numbered("anger disgust fear happiness sadness surprise neutral"),
    "ferplus": _numbered("neutral happiness surprise sadness anger disgust fear contempt"),
    "affectnet": _numbered("neutral happiness sadness surprise fear disgust anger contempt"),
    "raf-db": _numbered("surprise fear disgust happiness sadness anger neutral", first=1),
}
"""Set → its own code → emotion. AffectNet's 8, 9 and 10 (none, uncertain, no face) are none."""


class EmotionError(InputError):
    """A label is no emotion that is known."""


def emotion_of(name: object, scheme: str | None = None) -> str:
    """The emotion that a label means.

    Parameters
    ----------
    name : object
        A word in any case (`Happy`), or with a scheme its code (`3`, `AN`).
    scheme : str, optional
        One of `SCHEMES`; its codes go before words.

    Returns
    -------
    emotion : str
        One of `ALL`.

    Raises
    ------
    EmotionError
        It is none.
    """
    return emotions_of([name], scheme)[0]


def emotions_of(names: Iterable[object], scheme: str | None = None) -> list[str]:
    """The emotions that labels mean; all that mean none are told at once.

    Parameters
    ----------
    names : iterable
        As `emotion_of` takes them.
    scheme : str, optional
        One of `SCHEMES`.

    Returns
    -------
    emotions : list of str

    Raises
    ------
    EmotionError
        Labels are no emotions, or the scheme is not known.
    """
    told = [str(name) for name in names]
    meaning = _table(scheme)
    found = [meaning.get(_plain(name)) for name in told]
    if unknown := sorted({n for n, e in zip(told, found, strict=True) if e is None}):
        listed = ", ".join(repr(name) for name in unknown[:20])
        listed += f" and {len(unknown) - 20} more" if len(unknown) > 20 else ""
        hint = f"a code of {scheme}, or one" if scheme else "one"
        codes = all(_plain(name).isdigit() for name in unknown)
        named = f"; codes need the name of their set: {', '.join(SCHEMES)}" if codes else ""
        raise EmotionError(
            f"no emotion is called {listed}: expected {hint} of {', '.join(ALL)}{named}"
        )
    return [emotion for emotion in found if emotion is not None]


def known(name: object, scheme: str | None = None) -> bool:
    """Whether a label means an emotion."""
    return _plain(str(name)) in _table(scheme)


def _table(scheme: str | None) -> Mapping[str, str]:
    if scheme is None:
        return WORDS
    if scheme not in SCHEMES:
        raise EmotionError(f"the scheme is {scheme!r}: expected one of {', '.join(SCHEMES)}")
    return {**WORDS, **SCHEMES[scheme]}


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter not in " _-\t")
