"""The whole road on pictures: weak landmarks, calibrated, drawn as faces, classified.

Two questions. Is a weak face of a new person told rightly after it was calibrated and drawn anew?
And do calibrated, drawn faces teach a classifier what real faces of new people show?
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier.dataset import Faces, joined
from classifier.splits import refuse_shared
from gan.frame import Frame
from landmarks.errors import InputError
from landmarks.files import replacing
from scripts.reproduce import figures
from scripts.reproduce.arms import ARMS, TARGET, Teacher, face_model
from scripts.reproduce.photographs import Photographs
from scripts.reproduce.pictures import (
    SIDE,
    Division,
    Images,
    Painter,
    as_faces,
    cut_pictures,
    write_pairs,
)
from scripts.reproduce.protocols import Trials, make_trials
from scripts.reproduce.scores import compare, score
from scripts.reproduce.stages import Stages

Array = NDArray[np.float64]

PAINTED = ("raw", "published_label", "published", "ours_label", "ours", "ours_own_label",
           "ours_own", "ceiling")  # fmt: skip
"""Arms whose landmarks are drawn as faces."""
TAUGHT = ("raw", "published_label", "published", "ours", "ours_own", "ceiling")
"""Arms whose drawn faces teach a classifier of their own."""
EXAMPLES = 10
BATCH = 32
QUICK = {"ema": 0.9, "warm_up": 0.1, "frozen": 3}
"""For trainings of a hundred steps, in which an average over many more would stay at the start."""


class Road:
    """Everything that stages of the picture half share.

    Parameters
    ----------
    found, frontal : Photographs
        All photographs, and those with heads turned little.
    division : Division
    emotions : tuple of str
    stages : Stages
    painter : Painter
    network : str
        Of the classifiers.
    steps, seed : int
        Of the classifiers; all have as many steps.
    tell : callable
    """

    def __init__(
        self,
        found: Photographs,
        frontal: Photographs,
        division: Division,
        emotions: tuple[str, ...],
        stages: Stages,
        painter: Painter,
        *,
        network: str,
        steps: int,
        seed: int,
        tell: Callable[[str], None],
    ) -> None:
        self.found, self.frontal, self.division = found, frontal, division
        self.emotions, self.stages, self.painter = emotions, stages, painter
        self.network, self.steps, self.seed, self.tell = network, steps, seed, tell
        self.frame = Frame(size=SIDE)
        self.trials: Trials = make_trials(frontal, "quarter", face_model().frame, emotions)
        parts = {name: self._rows(persons) for name, persons in division._asdict().items()}
        if empty := [name for name, rows in parts.items() if not len(rows)]:
            raise InputError(f"no full expression of the {empty[0]} persons: no half on pictures")
        self.train, self.held, self.test = parts["train"], parts["validation"], parts["test"]
        refuse_shared(self.who(self.train), self.who(self.test))
        self.teacher = Teacher(frontal, self.trials, self.train, emotions)

    def _rows(self, persons: frozenset[str]) -> NDArray[np.intp]:
        return np.flatnonzero(np.isin(self.trials.person, sorted(persons)))

    def who(self, rows: NDArray[np.intp]) -> list[str]:
        """Persons of trials."""
        return [str(name) for name in self.trials.person[rows]]

    def shown(self, rows: NDArray[np.intp]) -> list[str]:
        """Emotions of trials."""
        return [self.emotions[label] for label in self.trials.label[rows]]

    def painted(self, arm: str, rows: NDArray[np.intp]) -> tuple[Images, Array]:
        """Faces drawn from the landmarks of an arm, and their landmarks."""
        return self.painter.paint(self.teacher.treat(arm, self.trials, rows))

    def drawn(self, arm: str, rows: NDArray[np.intp]) -> Faces:
        """The same, as a classifier takes them."""
        return as_faces(*self.painted(arm, rows), self.shown(rows), self.who(rows), self.network)

    def real(self, rows: NDArray[np.intp]) -> Faces:
        """The true full photographs of trials."""
        few = _some(self.frontal, self.trials.row[rows])
        cut = cut_pictures(few, self.frame)
        return as_faces(*cut, self.shown(rows), self.who(rows), self.network)

    def learn_to_paint(self) -> dict[str, Any]:
        """Train the generator on all photographs of training persons."""
        mine = np.flatnonzero(np.isin(self.found.person, sorted(self.division.train)))
        few = _some(self.found, mine)
        images, placed = cut_pictures(few, self.frame)
        write_pairs(self.painter.pairs, images, placed, few.person.tolist(), self.frame)
        steps = self.painter.learn()
        return {"pairs": len(few), "steps": steps}

    def classify(self, name: str, train: Faces, held: Faces, tests: dict[str, Faces]) -> Any:
        """A classifier of its own for some faces, and what it says of others (stage `name`)."""

        def work() -> dict[str, list[int]]:
            from classifier.config import SVM, Config
            from classifier.model import load_classifier
            from classifier.training import train_on
            from landmarks.runs.options import Options

            place = self.stages.room(name)
            epochs = math.ceil(self.steps * BATCH / len(train))
            settings = {} if self.network == SVM else QUICK
            config = Config(network=self.network, epochs=epochs, batch=BATCH, seed=self.seed,
                            settings=settings)  # fmt: skip
            outcome = train_on(train, held, place, config, Options(log_every=100), report=_silent)
            if outcome.interrupted:
                raise KeyboardInterrupt
            machine = load_classifier(place)
            order = np.array([self.emotions.index(emotion) for emotion in machine.classes])
            said = {k: order[machine.judge(faces).argmax(1)].tolist() for k, faces in tests.items()}
            self.tell(f"{name}: {len(train)} faces learnt")
            return said

        return self.stages.run(name, work)

    def run(self) -> dict[str, Any]:
        """Both questions; what the report shows of them."""
        made = self.stages.run("generator", self.learn_to_paint)
        held = self.drawn("ceiling", self.held)
        real, real_held = self.real(self.train), self.real(self.held)
        truth = self.real(self.test)
        tests = {arm: self.drawn(arm, self.test) for arm in PAINTED}
        tests["real"] = truth
        read = self.classify(
            "classifier, drawn from true landmarks", self.drawn("ceiling", self.train), held, tests
        )
        taught = {"ceiling": read["real"]}
        for arm in TAUGHT[:-1]:
            name = f"classifier, taught by {ARMS[arm].title}, {arm}"
            taught[arm] = self.classify(name, self.drawn(arm, self.train), held, {"real": truth})[
                "real"
            ]
        name = "classifier, taught by real faces"
        taught["real"] = self.classify(name, real, real_held, {"real": truth})["real"]
        both = joined([real, self.drawn(TARGET, self.train)])
        name = "classifier, taught by real faces and ours"
        taught["both"] = self.classify(name, both, real_held, {"real": truth})["real"]
        tables = [self._reading(read), self._teaching(taught)]
        picture = "work/faces.png"
        self._picture(self.stages.folder / "faces.png", read)
        return {
            "emotions": list(self.emotions),
            "persons": {part: sorted(who) for part, who in self.division._asdict().items()},
            "generator": made,
            "tables": tables,
            "answer": [_answer(tables[0], tables[1])],
            "told": self._told(made),
            "faces": picture,
            "faces_told": "People of the test persons: true full photograph, then drawn by the "
            "generator from a quarter of the displacement, from what each method makes of that, "
            "and from the true full landmarks; below, what the classifier said.",
        }

    def _told(self, made: dict[str, Any]) -> list[str]:
        return [
            f"A generator learnt to draw faces of {SIDE} pixels from landmarks, from "
            f"{made['pairs']} photographs of {len(self.division.train)} training persons in "
            f"{made['steps']} steps; {len(self.division.validation)} other persons told which "
            f"weights of the classifiers ({self.network}) are best; {len(self.division.test)} "
            f"further persons, {len(self.test)} of their photographs, were tested. Weak means a "
            "quarter of the person's displacement, the neutral face that is known is the one the "
            "face was weakened to. Landmarks to draw from are those of the set, or found in the "
            "photographs.",
            "A classifier sees the picture, real or drawn, of 64 pixels, and the landmarks that "
            "our network finds in it; it is not told those that were asked for. Every classifier "
            f"has the same start, number of faces ({len(self.train)}, twice as many for both), "
            f"steps ({self.steps}) and seed. What it begins with, the network `small`, has learnt "
            "points, not emotions, of the persons that landmarks.split_of calls training persons.",
        ]

    def _reading(self, said: dict[str, list[int]]) -> dict[str, Any]:
        """Weak faces of test persons, drawn anew, read by one classifier."""
        rows = {arm: _row(ARMS[arm]._asdict(), self._score(said[arm])) for arm in PAINTED}
        title = {"title": "true full photographs", "label": "–", "neutral": "–"}
        rows["real"] = _row(title, self._score(said["real"]))
        for arm in PAINTED[1:]:
            rows[arm]["read"]["over_raw"] = self._compare(said[arm], said["raw"])
        return {
            "title": "Weak faces read after calibration and drawing",
            "told": "The classifier learnt from faces drawn from the true full landmarks of "
            "training persons: it never saw a real face. What is read is drawn too.",
            "against": "raw",
            "target": TARGET,
            "arms": rows,
        }

    def _teaching(self, said: dict[str, list[int]]) -> dict[str, Any]:
        """True photographs of test persons, read by classifiers that different faces taught."""
        rows = {arm: _row(ARMS[arm]._asdict(), self._score(said[arm])) for arm in TAUGHT}
        rows["ceiling"]["title"] = "drawn from true full landmarks"
        for name, title in (
            ("real", "true photographs"),
            ("both", "true photographs and our calibration"),
        ):
            rows[name] = _row(
                {"title": title, "label": "–", "neutral": "–"}, self._score(said[name])
            )
        for arm in [*TAUGHT[1:], "real", "both"]:
            rows[arm]["read"]["over_raw"] = self._compare(said[arm], said["raw"])
        return {
            "title": "Taught by calibrated, drawn faces",
            "told": "Each classifier learnt from one kind of faces of training persons and is "
            "tested on true full photographs of others. Label known: of the training face, which "
            "a training set tells in any case.",
            "against": "raw",
            "target": TARGET,
            "arms": rows,
        }

    def _score(self, said: list[int]) -> dict[str, Any]:
        label = self.trials.label[self.test]
        return score(label, np.array(said), self.who(self.test), len(self.emotions))

    def _compare(self, said: list[int], other: list[int]) -> dict[str, Any]:
        label = self.trials.label[self.test]
        pair = np.array(said), np.array(other)
        return compare(label, *pair, self.who(self.test), len(self.emotions))

    def _picture(self, path: Any, said: dict[str, list[int]]) -> None:
        """Ten test persons at each stage."""
        chosen = []
        for number, person in enumerate(sorted(set(self.who(self.test)))[:EXAMPLES]):
            mine = np.flatnonzero(self.trials.person[self.test] == person)
            order = (self.trials.label[self.test][mine] - number) % len(self.emotions)
            chosen.append(int(mine[order.argmin()]))
        rows = self.test[chosen]
        heads = {"real": "true\nphotograph", "raw": "weak", "published": "published,\nbest gold",
                 "ours": "ours, neutral\nunknown", "ours_own": "ours, neutral\nknown",
                 "ceiling": "true full\nlandmarks"}  # fmt: skip
        few = _some(self.frontal, self.trials.row[rows])
        columns = {"real": cut_pictures(few, self.frame)[0]}
        columns |= {arm: self.painted(arm, rows)[0] for arm in heads if arm != "real"}
        label = self.trials.label
        grid = figures.painted_faces(
            list(heads.values()),
            [f"{self.trials.person[row]}\n{self.emotions[label[row]]}" for row in rows],
            np.stack([columns[arm] for arm in heads], axis=1),
            [[self.emotions[said[arm][place]] for arm in heads] for place in chosen],
            [self.emotions[label[row]] for row in rows],
        )
        with replacing(path, "wb") as handle:
            handle.write(grid)


def _silent(line: str) -> None:
    pass


def _row(told: dict[str, Any], numbers: dict[str, Any]) -> dict[str, Any]:
    return {**told, "read": numbers}


def _some(found: Photographs, rows: NDArray[np.intp]) -> Photographs:
    assert found.entries is not None
    return Photographs(
        found.name,
        found.landmarks[rows],
        found.emotion[rows],
        found.person[rows],
        found.intensity[rows],
        found.graded,
        entries=tuple(found.entries[row] for row in rows),
    )


def _answer(reading: dict[str, Any], teaching: dict[str, Any]) -> str:
    def share(table: dict[str, Any], arm: str) -> float:
        return 100 * float(table["arms"][arm]["read"]["accuracy"][0])

    ours, raw = share(reading, TARGET), share(reading, "raw")
    drawn, true = share(teaching, "ceiling"), share(teaching, "real")
    return (
        f"On pictures, the whole road: {ours:.1f} % of weak faces recognised after our calibration "
        f"(label unknown, own neutral known) and drawing, {ours - raw:+.1f} points over raw weak "
        f"ones drawn in the same way (wanted: +20). Taught by drawn faces alone, a classifier "
        f"recognises {drawn:.1f} % of new people's true photographs, by as many true ones "
        f"{true:.1f} % (wanted: within 5 points)."
    )
