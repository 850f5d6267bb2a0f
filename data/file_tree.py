"""The files of a data set, in a folder or in a .zip file, behind one small interface."""

from __future__ import annotations

import functools
import hashlib
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from landmarks.errors import ImageError, InputError

MOST_BYTES = 1 << 28
"""Files that hold (or, packed in a .zip file, announce) more bytes are refused unread."""

# What `zipfile` raises for damaged, encrypted or strangely packed members.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
)


class FileTree:
    """All files below a folder, or in a .zip file.

    Names that begin with a dot, and folders of such names, are other programs' leftovers and are
    left out, as is `__MACOSX`.

    Parameters
    ----------
    path : str
        A folder, or a .zip file.

    Attributes
    ----------
    path : str
    names : list of str
        Paths below it with `/`, sorted.

    Raises
    ------
    InputError
        Nothing is there, or it is neither.
    """

    def __init__(self, path: str) -> None:
        self.path = self.root(path)
        self._zipped = not os.path.isdir(path)
        self._checksums = _members(path) if self._zipped else None
        self.names = sorted(_below(path) if self._checksums is None else self._checksums)
        self._known = set(self.names)

    @functools.cached_property
    def fingerprint(self) -> str:
        """Changes with the names and the files' checksums; is that of a .zip file of the folder.

        All files of a folder are read for it, once; those too large to be read count by length.
        """
        if self._checksums is None:
            marks = {name: _checksum(Path(self.path, name)) for name in self.names}
        else:
            marks = self._checksums
        told = "".join(f"{name}\0{marks[name]}\n" for name in self.names)
        return hashlib.sha256(told.encode(errors="replace")).hexdigest()

    @staticmethod
    def root(path: str) -> str:
        """What the sources of a path's files begin with, whether it is there or not."""
        return path.rstrip("/") or path

    @contextmanager
    def reading(self) -> Iterator[Callable[[str], bytes]]:
        """Read files.

        Yields
        ------
        read : callable
            Name → bytes; raises an ImageError that names a file which is missing, damaged or too
            large. Names that are not in `names` are missing, wherever they lead.
        """
        if not self._zipped:
            yield self._read_file
            return
        with zipfile.ZipFile(self.path) as archive:
            yield lambda name: self._read_member(archive, name)

    def source(self, name: str) -> str:
        """A file's name for people to read."""
        return f"{self.path}/{name}"

    def _read_file(self, name: str) -> bytes:
        self._check_name(name)
        try:
            with open(os.path.join(self.path, name), "rb") as handle:
                self._check_bytes(name, os.fstat(handle.fileno()).st_size)
                return handle.read()
        except OSError as error:
            raise ImageError(f"{self.source(name)} cannot be read: {error.strerror}") from None

    def _read_member(self, archive: zipfile.ZipFile, name: str) -> bytes:
        self._check_name(name)
        told = archive.getinfo(name)
        # A member never unpacks to more than it announces: `zipfile` stops there.
        self._check_bytes(name, told.file_size)
        try:
            return archive.read(told)
        except _DAMAGE as error:
            raise ImageError(f"{self.source(name)} is damaged: {error}") from None

    def _check_name(self, name: str) -> None:
        if name not in self._known:
            raise ImageError(f"{self.source(name)} is missing")

    def _check_bytes(self, name: str, size: int) -> None:
        if size > MOST_BYTES:
            raise ImageError(
                f"{self.source(name)} has {size:,} bytes: at most {MOST_BYTES:,} are read"
            )


def _hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def _members(path: str) -> dict[str, int]:
    try:
        with zipfile.ZipFile(path) as archive:
            listed = archive.infolist()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: expected a folder or a .zip file") from None
    except _DAMAGE as error:
        raise InputError(f"{path} cannot be read as a .zip file: {error}") from None
    files = [told for told in listed if not told.is_dir() and not _hidden(told.filename)]
    return {told.filename: told.CRC for told in files}


def _below(folder: str) -> list[str]:
    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename} cannot be searched: {error.strerror}") from None

    names = []
    for root, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not _hidden(name)]
        for file in files:
            path = Path(root, file)
            if not _hidden(file) and path.is_file():
                names.append(path.relative_to(folder).as_posix())
    return names


def _checksum(path: Path) -> int:
    """CRC-32 of a file's bytes, as a .zip file holds it."""
    checksum = 0
    try:
        length = path.stat().st_size
        if length > MOST_BYTES:
            return -length
        with path.open("rb") as handle:
            while block := handle.read(1 << 20):
                checksum = zlib.crc32(block, checksum)
    except OSError:  # told when the file is read
        return 0
    return checksum
