"""The whole road on pictures: weak faces, calibrated, drawn as faces, classified.

Two questions. Is a weak face of a new person told rightly after it was calibrated and drawn anew?
And do faces that were made teach a classifier what real faces of new people show?
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import fill
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from classifier.dataset import Faces, joined
from classifier.splits import refuse_shared, split_all
from landmarks.errors import InputError
from landmarks.files import replacing
from scripts.reproduce import figures
from scripts.reproduce.arms import ARMS, TARGET, Teacher, face_model
from scripts.reproduce.edited import Editing, Lesson, make_lesson
from scripts.reproduce.photographs import Photographs, UnfitSet
from scripts.reproduce.picture_tables import PAINTED, TAKEN, TAUGHT, Answers, tabulate
from scripts.reproduce.pictures import Division, Translating, as_faces, cut_pictures
from scripts.reproduce.protocols import Trials, make_trials
from scripts.reproduce.stages import Stages

Rows = NDArray[np.intp]
Drawing: TypeAlias = "Translating | Editing"
"""What makes pictures of weak and calibrated faces."""
Made: TypeAlias = Callable[[], Faces]
"""Faces that are made when a stage needs them."""

EXAMPLES = 10
FEW = 50
"""Training persons of whom a generator learns too little; fewer arms teach then."""
BATCH = 32
QUICK = {"ema": 0.9, "warm_up": 0.1, "frozen": 3}
"""For trainings of a hundred steps, in which an average over many more would stay at the start."""


class Pupils(NamedTuple):
    """How classifiers are trained.

    Attributes
    ----------
    network : str
    steps, seed : int
        All have as many steps.
    most : int or None
        Faces to learn from; None: as many as there are true full photographs.
    """

    network: str
    steps: int
    seed: int
    most: int | None = None


class Road:
    """Everything that stages of the picture half share.

    Parameters
    ----------
    frontal : Photographs
        With heads turned little.
    division : Division
    emotions : tuple of str
    stages : Stages
    pupils : Pupils
    rendered : Photographs or None
        Synthetic people, to teach a classifier alone.
    tell : callable

    Attributes
    ----------
    trials : Trials
    train, held, test : (…,) int arrays
        Trials by persons.
    lesson, stop, truth : (…,) int arrays
        Full photographs of the same persons, with or without a neutral photograph beside them.
    """

    def __init__(
        self,
        frontal: Photographs,
        division: Division,
        emotions: tuple[str, ...],
        stages: Stages,
        pupils: Pupils,
        rendered: Photographs | None,
        tell: Callable[[str], None],
    ) -> None:
        self.frontal, self.division, self.emotions = frontal, division, emotions
        self.stages, self.pupils, self.rendered, self.tell = stages, pupils, rendered, tell
        self.trials: Trials = make_trials(frontal, "quarter", face_model().frame, emotions)
        parts = {name: self.of(self.trials, part) for name, part in division._asdict().items()}
        if empty := [name for name, rows in parts.items() if not len(rows)]:
            raise UnfitSet(f"no full expression of the {empty[0]} persons")
        refuse_shared(self.who(parts["train"]), self.who(parts["test"]))
        self.teacher = Teacher(frontal, self.trials, parts["train"], emotions)
        self.lesson, self.stop, self.truth = (
            frontal.full(emotions, persons) for persons in division
        )
        if pupils.most is not None:
            mixed = np.random.default_rng(pupils.seed).permutation(self.lesson)
            self.lesson = np.sort(mixed[: pupils.most])
        self.held, self.test = parts["validation"], parts["test"]
        self.train = parts["train"][np.isin(self.trials.row[parts["train"]], self.lesson)]

    @staticmethod
    def of(trials: Trials, persons: frozenset[str]) -> Rows:
        """Trials of some persons."""
        return np.flatnonzero(np.isin(trials.person, sorted(persons)))

    def who(self, rows: Rows) -> list[str]:
        """Persons of trials."""
        return [str(name) for name in self.trials.person[rows]]

    def drawn(self, drawing: Drawing, arm: str, rows: Rows) -> Faces:
        """Trials as an arm leaves them, as a classifier takes them."""
        trials = drawing.trials
        names = [self.emotions[label] for label in trials.label[rows]]
        persons = [str(name) for name in trials.person[rows]]
        return as_faces(*drawing.paint(arm, rows), names, persons, self.pupils.network)

    def real(self, drawing: Drawing, rows: Rows, found: Photographs | None = None) -> Faces:
        """Photographs as they are, as large as drawn ones."""
        few = (found or self.frontal).take(rows)
        cut = cut_pictures(few, drawing.frame)
        return as_faces(*cut, few.emotion.tolist(), few.person.tolist(), self.pupils.network)

    def made(self, editing: Editing, kind: str, lesson: Lesson) -> Faces:
        """Neutral photographs that were given an expression; `kind` is a method of `Editing`."""
        who = self.frontal.person[lesson.photograph].tolist()
        images, placed = getattr(editing, kind)(lesson)
        return as_faces(images, placed, lesson.emotion, who, self.pupils.network)

    def classify(
        self, drawing: Drawing, name: str, train: Made, held: Made, tests: Mapping[str, Made]
    ) -> Any:
        """A classifier of its own for some faces, and what it says of others; a stage."""
        name = f"{drawing.name}: {name}"

        def work() -> dict[str, Any]:
            from classifier.config import SVM, Config
            from classifier.model import load_classifier
            from classifier.training import train_on
            from landmarks.runs.options import Options

            place, before = self.stages.room(name), drawing.refused
            lesson = train()
            settings = {} if self.pupils.network == SVM else QUICK
            config = Config(network=self.pupils.network, steps=self.pupils.steps, batch=BATCH,
                            seed=self.pupils.seed, settings=settings)  # fmt: skip
            judged = held()
            judged = judged.take(np.isin(judged.emotions, sorted(set(lesson.emotions))))
            options = Options(log_every=100)
            outcome = train_on(lesson, judged, place, config, options, report=_silent)
            if outcome.interrupted:
                raise KeyboardInterrupt
            machine = load_classifier(place)
            order = [self.emotions.index(emotion) for emotion in machine.classes]
            said = {}
            for test, faces in tests.items():
                shown = faces()
                shares = np.zeros((len(shown), len(self.emotions)))
                shares[:, order] = machine.judge(shown)
                said[test] = shares.round(5).tolist()
            self.tell(f"{name}: {len(lesson)} faces learnt")
            refused = sorted(drawing.refused - before)
            return {"learnt": len(lesson), "refused": refused, "shares": said}

        return self.stages.run(name, work)

    def run(self, drawing: Drawing, told: list[str]) -> dict[str, Any]:
        """Both questions, with one way of making pictures.

        Parameters
        ----------
        drawing : Translating or Editing
        told : list of str
            How it makes them, for the report.
        """
        real = functools.partial(self.real, drawing)
        drawn = functools.partial(self.drawn, drawing)
        tests: dict[str, Made] = {arm: functools.partial(drawn, arm, self.test) for arm in PAINTED}
        tests["real"] = functools.partial(real, self.trials.row[self.test])
        tests["truth"] = truth = _once(lambda: real(self.truth))
        taken, taken_trials = self._taken(drawing)
        tests |= taken
        held: Made = _once(lambda: drawn("ceiling", self.held))
        lessons: dict[str, tuple[Made, Made]] = {}
        if isinstance(drawing, Editing):
            held, more = self._made(drawing, held)
            lessons |= more
        arms = TAUGHT[:-1] if len(self.division.train) >= FEW else ("raw", TARGET)
        lessons |= {arm: (functools.partial(drawn, arm, self.train), held) for arm in arms}
        real_held = _once(lambda: real(self.stop))
        photographs = _once(lambda: real(self.lesson))
        best = lessons["mixed" if "mixed" in lessons else TARGET][0]
        lessons["real"] = photographs, real_held
        lessons["both"] = (lambda: joined([photographs(), best()])), real_held
        read = self.classify(drawing, "read", lambda: drawn("ceiling", self.train), held, tests)
        taught = {"ceiling": {**read, "shares": read["shares"]["truth"]}}
        refused = set(read["refused"])
        for arm, (lesson, stop) in lessons.items():
            answer = self.classify(drawing, f"taught by {arm}", lesson, stop, {"truth": truth})
            taught[arm] = {**answer, "shares": answer["shares"]["truth"]}
            refused.update(answer["refused"])
        tables, sentence = tabulate(
            Answers(self.emotions, self.trials, self.test, taken_trials, self.frontal, self.truth),
            read["shares"], taught,
        )  # fmt: skip
        faces = f"{drawing.name}.png"
        self._picture(drawing, self.stages.folder / faces, read["shares"])
        return {
            "name": drawing.name,
            "told": told,
            "tables": tables,
            "refused": len(refused),
            "answer": f"With pictures made by the {drawing.name}: {sentence}",
            "faces": f"work/{faces}",
        }

    def _taken(self, drawing: Drawing) -> tuple[dict[str, Made], tuple[Trials, Rows] | None]:
        """Weak expressions as they were photographed, where the set has any."""
        if not (self.frontal.graded and isinstance(drawing, Editing)):
            return {}, None
        trials = make_trials(self.frontal, "photographed", face_model().frame, self.emotions)
        rows = np.intersect1d(np.flatnonzero(trials.weak), self.of(trials, self.division.test))
        if not len(rows):
            return {}, None
        other = drawing.of(trials, "photographed")
        work = {f"taken {a}": functools.partial(self.drawn, other, a, rows) for a in TAKEN}
        return dict(work), (trials, rows)

    def _made(self, editing: Editing, drawn: Made) -> tuple[Made, dict[str, tuple[Made, Made]]]:
        """Faces to stop by, and faces of known label that teach.

        There are as many of each emotion as there are true photographs to learn from.
        """

        def lesson(persons: frozenset[str], known: Rows, rows: Rows, number: int) -> Lesson:
            still = self.frontal.neutral(persons)
            points = self.frontal.landmarks[still]
            still = still[self.teacher.knows(points, points)]
            if not len(still):
                raise UnfitSet("our model knows none of the neutral faces")
            emotions = self.frontal.emotion[rows].tolist()
            seed = self.pupils.seed + number
            return make_lesson(self.frontal, still, self.trials, known, emotions, seed)

        learn = lesson(self.division.train, self.train, self.lesson, 0)
        others = lesson(self.division.validation, self.held, self.stop[::2], 1)
        kinds = ("made", "carried")
        stop = _once(
            lambda: joined([drawn(), *(self.made(editing, kind, others) for kind in kinds)])
        )
        made, carried = (
            _once(functools.partial(self.made, editing, kind, learn)) for kind in kinds
        )
        some, rest = np.array_split(np.arange(len(learn.emotion)), 2)
        mixed = _once(lambda: joined([made().take(some), carried().take(rest)]))
        lessons = {"made": (made, stop), "carried": (carried, stop), "mixed": (mixed, stop)}
        if self.rendered is not None:
            rendered, held = self._rendered(editing, self.rendered)
            lessons["synthetic"] = rendered, held
            lessons["unreal"] = (
                lambda: joined([f().take(np.arange(0, len(f()), 2)) for f in (rendered, mixed)]),
                lambda: joined([held(), stop()]),
            )
        return stop, lessons

    def _rendered(self, editing: Editing, people: Photographs) -> tuple[Made, Made]:
        """Synthetic people to learn from and to stop by, as many of each emotion as true ones."""
        refuse_shared(people.person.tolist(), self.who(self.test))
        split = split_all(people.person.tolist(), people.person.tolist())
        rng = np.random.default_rng(self.pupils.seed)

        def chosen(part: str, like: Rows) -> Rows:
            pool = people.full(self.emotions, set(people.person[split == part].tolist()))
            pool = rng.permutation(pool)
            rows = []
            for emotion in self.emotions:
                mine = pool[people.emotion[pool] == emotion]
                count = int((self.frontal.emotion[like] == emotion).sum())
                if count and not len(mine) and part == "train":
                    raise InputError(f"{people.name}: no training person fully shows {emotion}")
                # Where there are fewer, they come again.
                rows.append(np.resize(mine, count if len(mine) else 0))
            return rng.permutation(np.concatenate(rows))

        learn, others = chosen("train", self.lesson), chosen("validation", self.stop)
        rendered, held = (
            _once(functools.partial(self.real, editing, rows, people)) for rows in (learn, others)
        )
        return rendered, held

    def _picture(self, drawing: Drawing, path: Path, said: dict[str, Any]) -> None:
        """Ten test persons at each stage."""
        chosen = []
        for number, person in enumerate(sorted(set(self.who(self.test)))[:EXAMPLES]):
            mine = np.flatnonzero(self.trials.person[self.test] == person)
            order = (self.trials.label[self.test][mine] - number) % len(self.emotions)
            chosen.append(int(mine[order.argmin()]))
        rows = self.test[chosen]
        heads = {"real": "true\nphotograph", "neutral": "neutral\nphotograph", "raw": "weak",
                 "published": "published,\nbest gold", "ours": "ours, neutral\nunknown",
                 "ours_own": "ours, neutral\nknown",
                 "ceiling": "true full\nlandmarks"}  # fmt: skip
        columns = {"real": cut_pictures(self.frontal.take(self.trials.row[rows]), drawing.frame)[0]}
        if isinstance(drawing, Editing):
            columns["neutral"] = drawing.neutral(rows)
        else:
            del heads["neutral"]
        columns |= {arm: drawing.paint(arm, rows)[0] for arm in heads if arm in ARMS}
        words = {arm: np.argmax(shares, axis=1) for arm, shares in said.items()}
        label = self.trials.label
        grid = figures.painted_faces(
            list(heads.values()),
            [f"{_called(self.trials.person[row])}\n{self.emotions[label[row]]}" for row in rows],
            np.stack([columns[arm] for arm in heads], axis=1),
            [[self.emotions[words[arm][place]] if arm in words else "" for arm in heads]
             for place in chosen],
            [self.emotions[label[row]] for row in rows],
        )  # fmt: skip
        with replacing(path, "wb") as handle:
            handle.write(grid)


def _called(person: str) -> str:
    """A name in lines short enough to stand beside a picture."""
    return fill(str(person).replace("_", " "), 13)


def _once(make: Made) -> Made:
    """Made at the first call, and kept."""
    return functools.cache(make)


def _silent(line: str) -> None:
    pass
