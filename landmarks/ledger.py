"""What a batch has done: the report, and the road from the journal to the output."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from landmarks.errors import ImageError, InputError
from landmarks.faces import Settings
from landmarks.files import replacing
from landmarks.inputs import Source
from landmarks.journal import Journal, Key, Record
from landmarks.outputs import NO_FACE, Output, Problem, read_problems, write_problems
from landmarks.placing import network_hash
from landmarks.tables import Kept

DOUBTFUL = 0.5
"""Trust below which a predictor holds it for more likely that a face is none, or its points off."""


@dataclass
class Report:
    """What a batch did.

    Attributes
    ----------
    images : int
        Pictures (or frames) that were read.
    faces : int
        Faces found in them.
    problems : list of Problem
        Pictures without a face or that could not be read, with the reason.
    skipped : int
        Done by an earlier run.
    doubtful : int
        Faces found that the predictor trusts less than `DOUBTFUL`.
    """

    images: int = 0
    faces: int = 0
    skipped: int = 0
    doubtful: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def without_face(self) -> list[Problem]:
        """Pictures that were read and show no face."""
        return [problem for problem in self.problems if problem.reason == NO_FACE]

    @property
    def unreadable(self) -> list[Problem]:
        """Pictures that could not be read."""
        return [problem for problem in self.problems if problem.reason != NO_FACE]

    def add(self, record: Record) -> None:
        """Count one picture."""
        if record.error is None:
            self.images += 1
            self.faces += len(record.rows)
            self.doubtful += sum(
                row.trust is not None and row.trust < DOUBTFUL for row in record.rows
            )
        if not record.rows:
            reason = record.error or NO_FACE
            self.problems.append(Problem(record.file, record.frame, reason))

    def __str__(self) -> str:
        told = f"read {self.images} image{'' if self.images == 1 else 's'}, found {self.faces} face"
        told += "" if self.faces == 1 else "s"
        if self.doubtful:
            told += f" ({self.doubtful} doubtful: trust below {DOUBTFUL})"
        if self.skipped:
            told += f", skipped {self.skipped} done before"
        if self.without_face:
            told += f"; {len(self.without_face)} without a face"
        if self.unreadable:
            told += f"; {len(self.unreadable)} could not be read"
        return told


def cannot_write(target: Path, error: OSError) -> InputError:
    """What it means that a picture's results cannot be written.

    Parameters
    ----------
    target : Path
    error : OSError

    Returns
    -------
    problem : InputError
        An `ImageError` where the disk cannot hold this picture's name; a full disk ends the batch.
    """
    kind = ImageError if error.errno in (errno.ENAMETOOLONG, errno.EISDIR) else InputError
    return kind(f"{target} cannot be written: {error.strerror or error}")


class Ledger:
    """What an earlier run has done, what this one adds, and how both become the output.

    Parameters
    ----------
    output : Output
    settings : Settings
    sources : list of Source
    resume : bool
        Go on with what is there.

    Attributes
    ----------
    done : set
        Keys of the pictures that need no work.
    report : Report
        Begins with what an earlier run found out about `sources`.

    Raises
    ------
    InputError
        As `landmarks.batch.extract_batch`.
    """

    def __init__(
        self, output: Output, settings: Settings, sources: list[Source], *, resume: bool
    ) -> None:
        self.output = output
        self.report = Report()
        self._settings = asdict(settings) | {"format": output.kind}
        if (weights := network_hash(settings.predictor)) is not None:
            self._settings["weights"] = weights
        written = output.done() if resume else {}
        problems = list(read_problems(output.errors)) if resume else []
        if written or problems:
            self._check_run()
        self._earlier = [problem for problem in problems if problem.reason == NO_FACE]
        self._keep = set(written)
        self._check_names(written, sources)
        self.journal = Journal(output.journal, self._settings, resume=resume)
        found = {p.key: p for p in self._earlier}
        self.done = set(written) | set(found)
        for record in self.journal:
            if record.error is None:
                self.done.add(record.key)
                if not record.rows:
                    found[record.key] = Problem(record.file, record.frame, NO_FACE)
        wanted = {os.path.abspath(source.path) for source in sources}
        self.report.problems = [p for key, p in found.items() if key[0] in wanted]
        self.report.skipped = sum(path in wanted for path, _ in self.done)

    def _check_run(self) -> None:
        """A finished output goes on only with the settings that made it."""
        if not self.output.run.exists():
            return
        try:
            made = dict(json.loads(self.output.run.read_text(encoding="utf-8"))["settings"])
        except (OSError, ValueError, KeyError, TypeError):
            raise InputError(f"{self.output.run} is damaged: delete it") from None
        told = [
            f"{k} was {made.get(k)}, is {v}" for k, v in self._settings.items() if made.get(k) != v
        ]
        if told:
            raise InputError(f"{self.output.run}: made with other settings ({'; '.join(told)})")

    def _check_names(self, written: dict[Key, str], sources: list[Source]) -> None:
        owner = {stem: key[0] for key, stem in written.items() if stem}
        for source in sources:
            path = os.path.abspath(source.path)
            if owner.get(source.stem, path) != path:
                raise InputError(
                    f"{source.path} and {owner[source.stem]}, done before, would be written to the"
                    " same file: give another folder"
                )

    def add(self, record: Record) -> Record:
        """Write one picture's results; returned is what could be written."""
        try:
            self.output.add(record)
        except OSError as error:
            target = Path(error.filename or record.stem)
            problem = cannot_write(target, error)
            if not isinstance(problem, ImageError):
                raise problem from None
            record = replace(record, rows=(), error=str(problem))
        self.journal.add(record)
        return record

    def finish(self) -> None:
        """Write the output and the lists, and delete the journal."""
        latest, trust = {}, False
        for number, record in enumerate(self.journal):
            latest[record.key] = number
            trust |= any(row.trust is not None for row in record.rows)

        def records() -> Iterator[Record]:
            # A picture that was tried again has two lines: the later one counts.
            return (r for number, r in enumerate(self.journal) if latest[r.key] == number)

        # After a kill at the very end the output may hold what the journal holds.
        keep = self._keep - set(latest)
        problems = [p for p in self._earlier if p.key not in latest]
        problems += [Problem(r.file, r.frame, r.error or NO_FACE) for r in records() if not r.rows]
        run = {"settings": self._settings}
        try:
            if keep or any(record.error is None for record in records()):
                film = any(frame is not None for _, frame in latest)
                self.output.finish(records(), Kept(film, trust), keep=keep)
                with replacing(self.output.run) as handle:
                    handle.write(json.dumps(run, indent=2) + "\n")
            write_problems(self.output.errors, problems)
        except OSError as error:
            raise InputError(
                f"the results cannot be written: {error.strerror or error}; all is kept in"
                f" {self.journal.path}, --resume goes on with it"
            ) from None
        self.journal.remove()
