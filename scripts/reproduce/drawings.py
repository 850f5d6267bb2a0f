"""The ways of making pictures, each with the whole road on them."""

from __future__ import annotations

from typing import Any

from classifier.splits import split_all
from gan.editor import Editor
from scripts.reproduce.edited import MADE, Editing
from scripts.reproduce.edited import SIDE as EDITED_SIDE
from scripts.reproduce.photographs import Photographs
from scripts.reproduce.picture_road import Road
from scripts.reproduce.pictures import SIDE, Painter, Translating


def draw_all(road: Road, found: Photographs, painter: Painter, by: str) -> dict[str, Any]:
    """The half on pictures, as the report shows it.

    Parameters
    ----------
    road : Road
    found : Photographs
        All, with heads turned too.
    painter : Painter
        The translator, to be trained.
    by : {'editor', 'translator', 'both'}
    """
    drawings = []
    if by != "translator":
        editing = Editing(road.frontal, road.trials, road.teacher, Editor.load())
        drawings.append(road.run(editing, [_EDITED, *_asked(road, EDITED_SIDE)]))
    if by != "editor":
        translating = Translating(found, road.division, road.trials, road.teacher, painter)
        made = road.stages.run("generator", translating.learn)
        told = (
            f"A generator learnt to draw faces of {SIDE} pixels from landmarks, from "
            f"{made['pairs']} photographs of {len(road.division.train)} training persons in "
            f"{made['steps']} steps. It knows nothing of the person but the landmarks, which are "
            "those of the set, or found in the photographs."
        )
        drawings.append(road.run(translating, [told, *_asked(road, SIDE)]))
        drawings[-1]["generator"] = made
    return {
        "emotions": list(road.emotions),
        "persons": {part: sorted(who) for part, who in road.division._asdict().items()},
        "told": _told(road),
        "drawings": drawings,
    }


_EDITED = (
    "The editor that ships (gan.editor) makes each picture from a photograph. A weak face is a "
    "neutral photograph of the person, edited to the landmarks of the weak expression; the arm "
    "“raw” is this picture, every other arm is this picture edited once more, to what the method "
    "makes of those landmarks. Nothing else is told: methods to which the neutral face is unknown "
    "see it neither as landmarks nor as picture. “Each emotion made by our model”: a neutral "
    f"photograph of a training person is edited to an emotion of our choice, intensity {MADE[0]:g} "
    f"to {MADE[1]:g}; “expressions of others”: to the true full displacement of another training "
    "person; each emotion comes as often as in the true photographs. The editor has learnt from "
    "films of persons that landmarks.split_of calls training persons, and from no labels."
)


def _told(road: Road) -> list[str]:
    parts = road.division._asdict()
    tested = sorted(parts["test"])
    other = int((split_all(tested, tested) != "test").sum())
    told = (
        f"{other} of those that are tested here are called otherwise by landmarks.split_of, for "
        "want of persons: networks that ship may have learnt from pictures of them."
        if other
        else "All of those are test persons by landmarks.split_of too: nothing that ships has "
        "learnt from them."
    )
    return [
        f"{len(parts['train'])} persons teach, {len(parts['validation'])} other persons tell which "
        f"weights of the classifiers ({road.pupils.network}) are best and how sure they may be; "
        f"{len(parts['test'])} further persons are tested: {len(road.test)} weak faces, and "
        f"{len(road.truth)} true full photographs. Weak means a quarter of the person's "
        f"displacement; the neutral face that is known is the one the face was weakened to. {told}",
    ]


def _asked(road: Road, side: int) -> list[str]:
    return [
        f"A classifier sees the picture, real or made, cut to {side} pixels, and the landmarks "
        "that our network finds in it; it is not told those that were asked for. Every classifier "
        f"has the same start, steps ({road.pupils.steps}) and seed. "
        "What it begins with, the network `small`, has learnt points, not emotions, of the persons "
        "that landmarks.split_of calls training persons; of true faces too."
    ]
