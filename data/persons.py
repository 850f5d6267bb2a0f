"""Who is in a photograph, as its name or folder tells."""

from __future__ import annotations

import os
import re
from pathlib import Path

from landmarks.errors import InputError

RULES = ("auto", "name", "folder", "each")

_NUMBERED = re.compile(r"(.*[^\W_].*?)[_-]\d+", re.DOTALL)

_NEARLY_ALL = 0.9  # of the pictures; a few strays do not change who the others show

_FEELINGS = frozenset(
    "afraid anger angry calm contempt contemptuous disgust disgusted fear fearful happiness happy"
    " joy neutral sad sadness surprise surprised".split()
)


def person_in_name(path: str) -> str | None:
    """The person of `Name_NN.jpg` (any number of digits, `_` or `-` before them).

    Parameters
    ----------
    path : str

    Returns
    -------
    person : str or None
        None where the name has another form.
    """
    match = _NUMBERED.fullmatch(Path(path).stem)
    return match[1] if match else None


def choose_rule(rule: str, stems: list[str]) -> str:
    """How persons are told apart.

    Parameters
    ----------
    rule : {'auto', 'name', 'folder', 'each'}
        'name': `Name_NN.jpg`; 'folder': the folder that holds the picture; 'each': every picture
        shows another person; 'auto': by name if nearly all names have that form (nine in ten) and
        tell no fewer persons than the folders do, else by folder if every picture lies in one.
    stems : list of str
        Paths below the folder of photographs.

    Returns
    -------
    rule : {'name', 'folder', 'each'}

    Raises
    ------
    InputError
        'auto', and neither fits; or the folders that would be persons are named like emotions.
    """
    if rule != "auto":
        return rule
    named = [person_in_name(stem) for stem in stems]
    unnamed = [stem for stem, name in zip(stems, named, strict=True) if name is None]
    folders = {os.path.dirname(stem) for stem in stems}
    feelings = sorted(f for f in folders if os.path.basename(f).lower() in _FEELINGS)
    felt = 2 * len(feelings) > len(folders)
    # Folders of one person each often hold frame_001.jpg, which names nobody.
    apart = "" in folders or felt or len({*named} - {None}) >= len(folders)
    if apart and len(stems) - len(unnamed) >= _NEARLY_ALL * len(stems):
        return "name"
    if felt:
        shown = ", ".join(os.path.basename(folder) for folder in feelings[:3])
        raise InputError(
            f"the folders are named like emotions ({shown}), not like persons, and {len(unnamed)}"
            f" of {len(stems)} pictures have no name like Name_NN.jpg (the first: {unnamed[0]}):"
            " give --persons name to leave those out, a table with a column 'person' (--labels),"
            " or --persons folder if they are persons"
        )
    if "" not in folders:
        return "folder"
    homeless = [stem for stem in unnamed if not os.path.dirname(stem)]
    raise InputError(
        f"{(homeless or unnamed)[0]} does not tell who it shows: expected Name_NN.jpg, a folder for"
        " each person, a table with a column 'person' (--labels), or --persons each"
    )


def person_of(stem: str, rule: str) -> str | None:
    """The person of one photograph.

    Parameters
    ----------
    stem : str
        Its path below the folder of photographs.
    rule : {'name', 'folder', 'each'}

    Returns
    -------
    person : str or None
        None where the rule does not tell.
    """
    stem = stem.encode("utf-8", "backslashreplace").decode()  # a name may be any bytes
    if rule == "name":
        return person_in_name(stem)
    if rule == "folder":
        return os.path.dirname(stem).replace(os.sep, "/") or None
    return os.path.splitext(stem)[0].replace(os.sep, "/")
