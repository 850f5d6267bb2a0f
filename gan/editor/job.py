"""What `python -m gan.edit` does with photographs and files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gan.editor.choice import Faces
from gan.editor.edited import Edited, asked, short_of, told
from gan.editor.editor import Editor
from gan.editor.film import check_film, reduced, rising, there_and_back, write_film
from gan.editor.output import FORMATS, NOWHERE, check_output, read_origin, write_edited
from gan.editor.square import into
from gan.editor.strip import draw_strip, head
from gan.editor.wish import Wish, check_intensity
from landmarks.errors import InputError
from landmarks.files import POINT_SUFFIXES, read_points
from landmarks.image import read_image
from landmarks.inputs import Source, expand
from landmarks.ledger import cannot_write

_TOGETHER, _HELD = 8, 75_000_000
# Photographs that are held at once, and bytes of theirs from which no more are.
_SHOWN = 10
_STILL = "photograph"


@dataclass(frozen=True)
class Job:
    """What is asked for, as the command's arguments have it."""

    output: str | None
    emotion: str | None
    intensity: float | None
    gold: str | None
    landmarks: str | None
    neutral: str | None
    faces: Faces
    dial: list[float] | None
    animate: str | None
    seconds: float
    fps: float
    predictor: str | None
    model: str | None
    device: str | None
    warp_only: bool
    once: bool
    recursive: bool = False

    def check(self) -> None:
        """Refuse what can be told before anything is loaded."""
        if self.output is None and self.animate is None:
            raise InputError("nothing would be written: expected -o, --animate, or both")
        if self.dial is not None:
            for intensity in self.dial:
                check_intensity(intensity)
            if self.output is None:
                raise InputError("the strip of --dial needs a file: expected -o")
            if self.gold or self.landmarks:
                raise InputError("--dial shows emotions: expected no --gold and no --landmarks")
            if self.intensity is not None and self.animate is None:
                raise InputError("--dial tells the intensities: expected no --intensity")
            if self.faces == "all":
                raise InputError("--dial shows one face: expected --faces with one")
            if self.emotion == "all" and self.animate is not None:
                raise InputError("--animate shows one emotion: expected no --emotion all beside it")
        elif self.emotion == "all":
            raise InputError("--emotion all makes a strip: expected --dial with intensities")
        if self.emotion == "neutral" and (self.dial is not None or self.animate is not None):
            raise InputError("neutral has no intensities: expected another --emotion")
        if self.intensity is not None:
            check_intensity(self.intensity)
        if self.animate is not None:
            check_film(self.animate)
            rising(self.seconds, self.fps, 1)

    @cached_property
    def editor(self) -> Editor:
        """Loaded when it is needed."""
        return Editor.load(
            self.model,
            device=self.device,
            predictor=self.predictor,
            warp_only=self.warp_only,
        )

    @cached_property
    def wish(self) -> dict[str, Any]:
        """For `Editor`; files are read, and faces in them found, once."""
        return {
            "emotion": self.emotion,
            "gold": self._gold[0],
            "landmarks": None if self.landmarks is None else read_points(self.landmarks),
            "neutral": self._neutral[0],
            "faces": self.faces,
            "exact": not self.once,
        }

    @property
    def strength(self) -> dict[str, Any]:
        """For `Editor.edit_faces`."""
        return {"intensity": self.intensity}

    @property
    def notes(self) -> list[str]:
        """What was decided about the faces in `gold` and `neutral`."""
        return self._gold[1] + self._neutral[1]

    @cached_property
    def _gold(self) -> tuple[NDArray[np.float64] | None, list[str]]:
        return self._face(self.gold, "--gold")

    @cached_property
    def _neutral(self) -> tuple[NDArray[np.float64] | None, list[str]]:
        return self._face(self.neutral, "--neutral")

    def _face(self, path: str | None, name: str) -> tuple[NDArray[np.float64] | None, list[str]]:
        if path is None:
            return None, []
        if Path(path).suffix.lower() in POINT_SUFFIXES:
            return read_points(path), []
        return self.editor.finder.largest(read_image(path), f"{name} {path}")


def edit_one(paths: Sequence[str], job: Job) -> list[str]:
    """Edit one photograph, write what was asked for, and print a line for each file.

    Parameters
    ----------
    paths : sequence of str
        Of one photograph.
    job : Job

    Returns
    -------
    notes : list of str
        What the user should know beside.

    Raises
    ------
    InputError
        Nothing can be made of it; nothing was written.
    """
    job.check()
    [path] = paths
    if job.output is not None and job.output.endswith("/") and not Path(job.output).is_dir():
        raise InputError(f"{job.output} does not exist: make the folder, or give a file's name")
    target = None if job.output is None else _target(Path(job.output), path)
    for written in (target, None if job.animate is None else Path(job.animate)):
        if written is not None:
            _spare(written, [path, job.gold, job.neutral, job.landmarks])
    photograph = read_image(path)
    made = []
    if target is not None:
        check_output(target)
        if job.dial is not None:
            made.append(_dial(target, photograph, path, job))
        else:
            edited = job.editor.edit_faces(photograph, **job.wish, **job.strength, check=True)
            made.append(_edited(target, edited, path, job))
    if job.animate is not None:
        made.append(_film(Path(job.animate), photograph, job))
    for result in made:
        result.put()
    notes = [note for result in made for note in result.notes]
    return list(dict.fromkeys(job.notes + notes))


def edit_several(paths: Sequence[str], job: Job) -> list[str]:
    """Edit photographs and folders of them into a folder, and print how many.

    Parameters
    ----------
    paths : sequence of str
    job : Job

    Returns
    -------
    notes : list of str
        The photographs that could not be edited, and why.

    Raises
    ------
    InputError
        None could be edited, or the arguments fit one photograph only.
    """
    job.check()
    if job.animate is not None or job.landmarks is not None:
        name = "--landmarks" if job.animate is None else "--animate"
        raise InputError(f"{name} is for one photograph, several are given")
    assert job.output is not None
    folder = Path(job.output)
    if folder.suffix.lower() in FORMATS or folder.is_file():
        raise InputError(f"{folder} is a file, several photographs are given: expected a folder")
    sources = expand(paths, recursive=job.recursive)
    targets = _targets(folder, sources)
    read = [source.path for source in sources if Path(source.path).exists()]
    for target in targets.values():
        _spare(target, [*read, job.gold, job.neutral])
    problems: list[str] = []
    written = 0
    try:
        for below in {folder, *(target.parent for target in targets.values())}:
            below.mkdir(parents=True, exist_ok=True)
        for path, error in _edit_each(sources, targets, job):
            written += error is None
            if error is not None:
                problems.append(str(error) if path in str(error) else f"{path}: {error}")
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror or error}") from None
    except KeyboardInterrupt:
        raise InputError(
            f"interrupted: {written} of {len(sources)} photographs are edited"
        ) from None
    if not written:
        raise InputError(f"none of {len(sources)} photographs can be edited: {problems[0]}")
    print(f"{folder}: {written} of {len(sources)} photographs edited")
    if not problems:
        return job.notes
    rest = len(problems) - _SHOWN
    return [
        *job.notes,
        f"{len(problems)} of {len(sources)} photographs are left out:",
        *problems[:_SHOWN],
        *([f"… and {rest} more"] if rest > 0 else []),
    ]


def _edit_each(
    sources: Sequence[Source], targets: dict[str, Path], job: Job
) -> Iterator[tuple[str, ValueError | None]]:
    """Each photograph with None once it is written, or with what is wrong with it."""
    read: list[tuple[str, NDArray[np.uint8]]] = []
    for source in sources:
        try:
            if source.film:
                raise InputError("is a film: expected a photograph")
            read.append((source.path, read_image(source.path)))
        except InputError as error:
            yield source.path, error
        if len(read) == _TOGETHER or sum(picture.size for _, picture in read) > _HELD:
            yield from _edit_read(read, targets, job)
            read = []
    if read:
        yield from _edit_read(read, targets, job)


def _edit_read(
    read: Sequence[tuple[str, NDArray[np.uint8]]], targets: dict[str, Path], job: Job
) -> Iterator[tuple[str, ValueError | None]]:
    if job.dial is None:
        photographs = [photograph for _, photograph in read]
        made = job.editor.edit_batch(photographs, **job.wish, **job.strength, check=True)
    for place, (path, photograph) in enumerate(read):
        target = targets[path]
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            if job.dial is not None:
                result = _dial(target, photograph, path, job)
            elif isinstance(edited := made[place], ValueError):
                raise edited
            else:
                result = _edited(target, edited, path, job)
            result._replace(told="; ".join([result.told, *result.notes])).put()
        except ValueError as error:
            yield path, error
        else:
            yield path, None


def _target(output: Path, path: str) -> Path:
    """The file for a photograph: as it is given, or in a folder."""
    if not output.is_dir():
        return output
    below, suffix = _below(output, Source(path, Path(path).stem, False)), Path(path).suffix
    renamed = below.suffix != suffix and below.exists()
    return below.with_suffix(f"{suffix}.png") if renamed else below


def _spare(written: Path, read: Sequence[str | None]) -> None:
    """Refuse to write over what is read."""
    for given in read:
        if given is not None and written.exists() and written.samefile(given):
            raise InputError(f"{written} is read too, and would be lost: expected another name")


def _below(folder: Path, source: Source) -> Path:
    """Where a photograph's result is filed; what cannot hold the mark becomes PNG."""
    suffix = Path(source.path).suffix
    stem = source.stem.removesuffix(suffix)
    return folder / f"{stem}{suffix if suffix.lower() in FORMATS else '.png'}"


def _targets(folder: Path, sources: Sequence[Source]) -> dict[str, Path]:
    """Where each photograph's result is filed; no two in one place."""
    targets = {source.path: _below(folder, source) for source in sources}
    shared = Counter(targets.values())
    for path, target in targets.items():
        if shared[target] > 1 and target.suffix != Path(path).suffix:
            targets[path] = target.with_suffix(f"{Path(path).suffix}.png")
    taken: dict[Path, str] = {}
    for path, target in targets.items():
        if taken.setdefault(target, path) != path:
            raise InputError(
                f"{taken[target]} and {path} would both become {target}: expected other names"
            )
    return targets


def _edited(target: Path, edited: Edited, path: str, job: Job) -> _Made:
    emotion, intensity = asked(edited)
    mark = {"Emotion": emotion, "Intensity": intensity, "Faces": str(len(edited.faces))}
    origin = read_origin(path)
    return _Made(
        target,
        lambda: write_edited(target, edited.image, mark, origin),
        told(edited),
        (*edited.notes, *short_of(edited, not job.once)),
    )


def _dial(target: Path, photograph: NDArray[np.uint8], path: str, job: Job) -> _Made:
    """A strip of one face."""
    editor, exact = job.editor, job.wish["exact"]
    assert job.dial is not None
    [subject], notes = editor.finder.subjects(photograph, None, job.faces)
    cell, matrix = head(photograph, subject.source)
    emotions = editor.model.emotions if job.emotion == "all" else (job.emotion,)
    wishes = [Wish(emotion) for emotion in emotions]
    cells, more = editor.shown(
        cell, [subject.within(cell, matrix)], wishes, job.dial, job.wish["neutral"], exact
    )
    columns = [f"{intensity:g}" for intensity in job.dial]
    rows = [emotion or "own" for emotion in emotions]
    strip = [list(row) for row in cells]
    if len(rows) == 1:
        columns, strip = [_STILL, *columns], [[cell, *strip[0]]]
    told = {"Emotion": ", ".join(rows), "Intensity": ", ".join(f"{x:g}" for x in job.dial)}
    drawn = draw_strip(strip, rows, columns)
    origin = NOWHERE._replace(profile=read_origin(path).profile)
    return _Made(
        target,
        lambda: write_edited(target, drawn, told, origin),
        f"{told['Emotion']} at {told['Intensity']}",
        [*notes, *more],
    )


def _film(target: Path, photograph: NDArray[np.uint8], job: Job) -> _Made:
    """A film of the photograph."""
    editor, given = job.editor, job.wish
    subjects, notes = editor.finder.subjects(photograph, None, job.faces)
    frame, matrix = reduced(photograph, target.suffix.lower())
    wanted = None if given["landmarks"] is None else into(matrix, given["landmarks"])
    wish = Wish(job.emotion, None, given["gold"], wanted)
    peak = 1.0 if job.intensity is None else job.intensity
    emotion = job.emotion or "as the landmarks given"
    if wanted is None and job.emotion is None:
        strongest = Wish(None, job.intensity, given["gold"])
        shown = editor.target(subjects[0], strongest, given["neutral"])
        peak, emotion = shown.intensity, str(shown.emotion)
    there = [subject.within(frame, matrix) for subject in subjects]
    intensities = rising(job.seconds, job.fps, peak)
    [frames], more = editor.shown(
        frame, there, [wish], intensities, given["neutral"], given["exact"]
    )
    told = {"Emotion": emotion, "Intensity": f"0 to {peak:.3g}"}
    film = there_and_back(list(frames))
    return _Made(
        target,
        lambda: write_film(target, film, job.fps, told),
        f"{len(film)} frames, {emotion}, intensity {told['Intensity']} and back",
        [*notes, *more],
    )


class _Made(NamedTuple):
    """A result that is not written yet."""

    target: Path
    write: Callable[[], None]
    told: str
    notes: Sequence[str]

    def put(self) -> None:
        """Write it, and print what it is."""
        try:
            self.write()
        except OSError as error:
            raise cannot_write(self.target, error) from None
        print(f"{self.target}: {self.told}")
