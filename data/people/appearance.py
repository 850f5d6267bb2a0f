"""The appearance of one person, drawn once and the same in all of that person's pictures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from data.people.surface import floats
from data.people.tone import hair_colour

Colour = tuple[float, float, float]
Rng = np.random.Generator

BEARDS = ("", "moustache", "goatee", "chin curtain", "full")
HAIR_STYLES = ("bald", "shaved", "short", "side part", "fringe", "swept", "long", "curls", "bun")
HEADWEAR = ("", "headscarf", "turban")


@dataclass(frozen=True)
class Look:
    """How one person looks, apart from the shape of the head.

    Fractions are between 0 and 1 unless something else is said; colours are linear RGB.

    Attributes
    ----------
    seed : int
        Of the person's own patterns: where the freckles are, how the hair falls.
    melanin, blood : float
        As `tone.skin_colour` takes them.
    age : float
        0 about twenty years, 1 about eighty.
    shine, roughness : float
        Strength and width of the skin's gloss.
    redness, sockets, mottle, pores, freckles : float
        Redder nose, cheeks and ears; darker eye sockets; blotches; grain; freckles.
    moles : int
    stubble : float
        Shadow of a shaven or growing beard.
    beard : str
        One of `BEARDS`, `beard_length` its density.
    lip_blood, lip_melanin : float
        Of the lips' own colour beside the skin's, as factors.
    lipstick : float
        Cover of `lipstick_colour`.
    lip_gloss, lip_edge : float
        Gloss; softness of the border to the skin, in inter-ocular distances.
    make_up : float
        Eye shadow, liner and blush.
    brow_* : float
        Thickness in inter-ocular distances; density; height and arch above the landmarks, and
        what the left one has more of both; length beyond the outermost landmark.
    brow_colour, hair_colour, beard_colour, iris_colour, iris_inner, sclera_colour : Colour
    iris_size : float
        Radius as a fraction of the eyeball's.
    pupil : float
        Radius as a fraction of the iris's.
    veins, lashes : float
    teeth_colour, gum_colour : Colour
    hair_style : str
        One of `HAIR_STYLES`.
    hair_volume, hair_length, hair_wave, hair_line, hair_side : float
        Thickness and length in inter-ocular distances, waviness, height of the hair line (0 low,
        1 far back), side of the parting (-1 the subject's right, 1 left).
    headwear : str
        One of `HEADWEAR`.
    headwear_colour, clothes_colour : Colour
    clothes_neck : float
        Height of the collar.
    """

    seed: int
    melanin: float
    blood: float
    age: float
    shine: float
    roughness: float
    redness: float
    sockets: float
    mottle: float
    pores: float
    freckles: float
    moles: int
    stubble: float
    beard: str
    beard_length: float
    lip_blood: float
    lip_melanin: float
    lipstick: float
    lipstick_colour: Colour
    lip_gloss: float
    lip_edge: float
    make_up: float
    brow_thickness: float
    brow_density: float
    brow_height: float
    brow_arch: float
    brow_asymmetry: float
    brow_length: float
    brow_colour: Colour
    iris_colour: Colour
    iris_inner: Colour
    iris_size: float
    pupil: float
    sclera_colour: Colour
    veins: float
    lashes: float
    teeth_colour: Colour
    gum_colour: Colour
    hair_style: str
    hair_colour: Colour
    beard_colour: Colour
    hair_volume: float
    hair_length: float
    hair_wave: float
    hair_line: float
    hair_side: float
    headwear: str
    headwear_colour: Colour
    clothes_colour: Colour
    clothes_neck: float

    def record(self) -> dict[str, Any]:
        """The look as JSON can hold it."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }


def draw_look(rng: Rng) -> Look:
    """Draw a person's look.

    Parameters
    ----------
    rng : numpy.random.Generator
        The same state gives the same look.
    """
    # Evenly over the logarithm of melanin is about evenly over perceived lightness.
    melanin = float(0.012 * (0.6 / 0.012) ** rng.beta(0.9, 1.2))
    fair = float(np.clip(1 - np.log(melanin / 0.012) / np.log(12), 0, 1))
    age = float(rng.beta(1.2, 2.0))
    bearded = rng.random() < 0.5
    made_up = not bearded and rng.random() < 0.55
    hair, beard_hair, brows = _hair_colours(rng, fair, age)
    style = _hair_style(rng, age, bearded, made_up)
    iris, inner = _irises(rng, fair)
    beard = str(rng.choice(BEARDS, p=[0.55, 0.1, 0.12, 0.05, 0.18])) if bearded else ""
    lips = _lipstick(rng) if made_up else (0.0, (0.3, 0.05, 0.06))
    yellow = rng.random() * 0.25
    headwear = str(rng.choice(HEADWEAR, p=[0.95, 0.05, 0.0] if not bearded else [0.97, 0.0, 0.03]))
    return Look(
        seed=int(rng.integers(2**31)),
        melanin=melanin,
        blood=float(np.clip(rng.lognormal(np.log(0.0085), 0.4), 0.003, 0.03)),
        age=age,
        shine=float(rng.beta(2, 3)),
        roughness=float(rng.uniform(0.32, 0.6)),
        redness=float(rng.beta(1.6, 2.2)),
        sockets=float(rng.beta(2, 2.5)),
        mottle=float(rng.beta(2, 3)),
        pores=float(rng.beta(2, 3)),
        freckles=float(rng.random() * fair) if rng.random() < 0.3 else 0.0,
        moles=int(rng.poisson(2.5)),
        stubble=float(rng.beta(1, 1.6)) if bearded else 0.0,
        beard=beard,
        beard_length=float(rng.uniform(0.35, 1.0)),
        lip_blood=float(rng.uniform(2.5, 7.0)),
        # The lips of dark skin are dark too; pale ones would look painted.
        lip_melanin=float(rng.uniform(0.35 + 0.4 * (1 - fair), 1.1)),
        lipstick=lips[0],
        lipstick_colour=lips[1],
        lip_gloss=float(rng.beta(2, 4) if not lips[0] else rng.beta(2, 2)),
        lip_edge=float(rng.uniform(0.004, 0.02) * (0.5 if lips[0] > 0.5 else 1)),
        make_up=float(rng.beta(1.5, 1.5)) if made_up else 0.0,
        brow_thickness=float(
            np.clip(rng.lognormal(np.log(0.115 if bearded else 0.092), 0.25), 0.045, 0.18)
        ),
        brow_density=float(rng.beta(5, 1.3) * (1 - 0.35 * (age > 0.7))),
        brow_height=float(rng.normal(0, 0.008)),
        brow_arch=float(rng.normal(0, 0.012)),
        brow_asymmetry=float(rng.normal(0, 0.006)),
        brow_length=float(rng.normal(0.015, 0.02)),
        brow_colour=brows,
        iris_colour=iris,
        iris_inner=inner,
        iris_size=float(rng.uniform(0.37, 0.43)),
        pupil=float(rng.uniform(0.28, 0.6)),
        sclera_colour=_rgb(
            floats([0.37, 0.335, 0.32]) * (1, 1 - yellow * 0.3, 1 - yellow) * rng.uniform(0.75, 1.1)
        ),
        veins=float(rng.beta(1.5, 3)),
        lashes=float(rng.uniform(0.35, 1.0) if made_up else rng.uniform(0.1, 0.6)),
        teeth_colour=_rgb(
            floats([0.68, 0.63, 0.54]) * (1, 1, rng.uniform(0.65, 1.1)) * rng.uniform(0.6, 1.15)
        ),
        gum_colour=_rgb(floats([0.42, 0.15, 0.14]) * rng.uniform(0.6, 1.1) * (0.6 + 0.4 * fair)),
        hair_style=style,
        hair_colour=hair,
        beard_colour=beard_hair,
        hair_volume=float(rng.uniform(0.03, 0.12)),
        hair_length=float(rng.uniform(0.0, 1.0)),
        hair_wave=float(rng.beta(1.2, 2.0)),
        hair_line=float(np.clip(rng.beta(2, 3) + (0.3 * age if bearded else 0), 0, 1)),
        hair_side=float(rng.uniform(-1, 1)),
        headwear=headwear,
        headwear_colour=cloth_colour(rng),
        clothes_colour=cloth_colour(rng),
        clothes_neck=float(rng.random()),
    )


def cloth_colour(rng: Rng) -> Colour:
    """A colour of cloth: dark and greyish ones are commoner than bright ones."""
    value = float(rng.choice([0.02, 0.06, 0.2, 0.55])) * rng.uniform(0.6, 1.4)
    chroma = rng.beta(1, 1.8)
    hue = rng.dirichlet([0.6, 0.6, 0.6]) * 3
    return _rgb(value * ((1 - chroma) + chroma * hue))


def _rgb(colour: np.typing.ArrayLike) -> Colour:
    red, green, blue = np.clip(np.asarray(colour, dtype=float), 0.002, 0.9).tolist()
    return red, green, blue


def _hair_colours(rng: Rng, fair: float, age: float) -> tuple[Colour, Colour, Colour]:
    """Colours of hair, beard and brows."""
    darkest = np.log(rng.uniform(2.5, 6.0))
    lightest = np.log(rng.uniform(0.08, 0.6)) if rng.random() < 0.75 * fair else np.log(1.3)
    share = rng.beta(1.2, 1.2) * fair
    eumelanin = float(np.exp(share * lightest + (1 - share) * darkest))
    pheomelanin = float(rng.lognormal(np.log(0.45), 0.5))
    if fair > 0.5 and rng.random() < 0.08:
        eumelanin, pheomelanin = rng.uniform(0.1, 0.6), rng.uniform(1.0, 2.5)
    if rng.random() < 0.05:  # dyed
        eumelanin = float(np.exp(rng.uniform(np.log(0.1), np.log(4))))
    grey = float(np.clip(rng.normal(1.8 * age - 0.95, 0.22), 0, 0.95))
    hair = hair_colour(eumelanin, pheomelanin, grey)
    beard = hair_colour(eumelanin * 1.2, pheomelanin * 1.4, float(np.clip(grey * 0.9, 0, 0.8)))
    brows = hair_colour(
        max(eumelanin, 0.5) * rng.uniform(1, 3), pheomelanin, grey * rng.uniform(0, 0.4)
    )
    return _rgb(hair), _rgb(beard), _rgb(brows)


def _hair_style(rng: Rng, age: float, bearded: bool, made_up: bool) -> str:
    if bearded:
        share = [0.05 + 0.15 * age, 0.11, 0.4, 0.18, 0.1, 0.12, 0.05, 0.06, 0.01]
    elif made_up:
        share = [0.0, 0.01, 0.06, 0.07, 0.14, 0.1, 0.4, 0.12, 0.1]
    else:
        share = [0.03, 0.06, 0.2, 0.15, 0.13, 0.12, 0.21, 0.08, 0.06]
    return str(rng.choice(HAIR_STYLES, p=np.array(share) / np.sum(share)))


def _irises(rng: Rng, fair: float) -> tuple[Colour, Colour]:
    """Colours of the iris's outer and inner part."""
    brown = floats([0.06, 0.03, 0.014]) * rng.uniform(0.2, 1.6)
    others = floats(
        [[0.075, 0.1, 0.135], [0.06, 0.08, 0.05], [0.1, 0.11, 0.11], [0.11, 0.07, 0.025]]
    )
    outer = brown
    if rng.random() < 0.75 * fair:
        outer = others[rng.integers(len(others))] * rng.uniform(0.5, 1.4)
    inner = outer * rng.uniform(0.8, 1.4) + rng.uniform(0, 0.5) * floats([0.07, 0.05, 0.015])
    return _rgb(outer), _rgb(inner)


def _lipstick(rng: Rng) -> tuple[float, Colour]:
    shades = floats(
        [
            [0.45, 0.03, 0.04],
            [0.28, 0.02, 0.05],
            [0.5, 0.15, 0.16],
            [0.5, 0.1, 0.22],
            [0.33, 0.12, 0.08],
            [0.14, 0.015, 0.03],
        ]
    )
    shade = shades[rng.integers(len(shades))] * rng.uniform(0.7, 1.2)
    return float(rng.beta(1.2, 1.2)), _rgb(shade)
