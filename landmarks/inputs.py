"""What `-i` means: images, folders, globs, list files and films become a list of sources."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from landmarks.errors import InputError
from landmarks.image import SUFFIXES

FILM_SUFFIXES = frozenset(".avi .m4v .mkv .mov .mp4 .mpeg .mpg .ogv .webm .wmv".split())
LIST_SUFFIXES = frozenset({".txt", ".lst"})

_RESERVED = re.compile(r"_face\d+$|_frame\d+$|(^|[/\\])landmarks\.(errors|done|run)$")


@dataclass(frozen=True)
class Source:
    """One file to read.

    Attributes
    ----------
    path : str
        As it was given or found.
    stem : str
        Where its results are filed below an output folder: its path below the folder that was
        searched, without the ending unless that tells two files apart.
    film : bool
        Frames are read from it.
    """

    path: str
    stem: str
    film: bool


def expand(inputs: Iterable[str], *, recursive: bool = False) -> list[Source]:
    """Every picture and film that the inputs name, each once, in a fixed order.

    Parameters
    ----------
    inputs : iterable of str
        Files, folders, glob patterns, or `.txt`/`.lst` lists of such (one per line, relative to the
        list; '#' begins a comment). A file with an unknown ending is taken as an image.
    recursive : bool, optional
        Search folders below the folders too; linked folders are left out.

    Returns
    -------
    sources : list of Source
        Folders and globs sorted by name. A single file that does not exist is kept: reading it
        tells so.

    Raises
    ------
    InputError
        A folder, pattern or list without a picture; a folder or list that cannot be read.
    """
    found: dict[str, Source] = {}
    for given in inputs:
        for source in _expand_one(given, recursive, allow_list=True):
            found.setdefault(os.path.abspath(source.path), source)
    return _with_distinct_stems(list(found.values()))


def _with_distinct_stems(sources: list[Source]) -> list[Source]:
    if len({source.stem for source in sources}) < len(sources):
        # The same name in several folders: file by the path below what all have in common.
        absolute = [os.path.abspath(source.path) for source in sources]
        parent = os.path.commonpath([os.path.dirname(path) for path in absolute])
        sources = [
            replace(source, stem=os.path.relpath(path, parent))
            for source, path in zip(sources, absolute, strict=True)
        ]
    full = [source.stem for source in sources]
    bare = [os.path.splitext(stem)[0] for stem in full]
    # A name that looks like another picture's second face, or like our own lists, stays whole.
    stems = [f if _RESERVED.search(b) else b for f, b in zip(full, bare, strict=True)]
    while shared := {stem for stem, count in Counter(stems).items() if count > 1}:
        stems = [f if s in shared else s for f, s in zip(full, stems, strict=True)]
    return [replace(source, stem=stem) for source, stem in zip(sources, stems, strict=True)]


def _expand_one(given: str, recursive: bool, *, allow_list: bool) -> list[Source]:
    suffix = Path(given).suffix.lower()
    if os.path.isdir(given):
        return _folder(given, recursive)
    if not os.path.exists(given) and glob.has_magic(given):
        matches = sorted(glob.glob(given, recursive=True))
        # '**' follows links, also those that lead back up.
        distinct = {os.path.realpath(match): match for match in reversed(matches)}
        sources = [
            source
            for match in sorted(distinct.values())
            if os.path.isdir(match) or _is_media(match)
            for source in _expand_one(match, recursive, allow_list=False)
        ]
        if not sources:
            raise InputError(f"{given} matches no image: expected a file, folder or pattern")
        return sources
    if suffix in LIST_SUFFIXES and allow_list:
        return _list(given, recursive)
    return [Source(given, os.path.basename(given), suffix in FILM_SUFFIXES)]


def _is_media(path: str) -> bool:
    return Path(path).suffix.lower() in SUFFIXES | FILM_SUFFIXES


def _folder(folder: str, recursive: bool) -> list[Source]:
    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename} cannot be searched: {error.strerror}") from None

    sources = []
    for root, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(folders) if recursive else []
        for name in sorted(names):
            # Names that begin with a dot are other programs' leftovers (macOS writes ._photo.jpg).
            if not name.startswith(".") and _is_media(name):
                path = os.path.join(root, name)
                film = Path(name).suffix.lower() in FILM_SUFFIXES
                sources.append(Source(path, os.path.relpath(path, folder), film))
    if not sources:
        hint = "" if recursive else " (add --recursive to search the folders in it)"
        raise InputError(f"{folder} holds no image{hint}: expected {' '.join(sorted(SUFFIXES))}")
    return sources


def _list(name: str, recursive: bool) -> list[Source]:
    try:
        lines = Path(name).read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise InputError(f"{name} does not exist: expected a list of images") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{name} cannot be read as a list of images: {error}") from None
    entries = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not entries:
        raise InputError(f"{name} is an empty list: expected one image per line")
    base = os.path.dirname(name)
    return [
        source
        for entry in entries
        for source in _expand_one(os.path.join(base, entry), recursive, allow_list=False)
    ]
