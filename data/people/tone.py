"""Colours of skin and hair from what colours them: melanin and blood.

References
----------
Jacques, "Skin optics summary", Oregon Medical Laser Center News, 1998 (absorption of melanin and
of skin without blood, reduced scattering of the dermis); Prahl's tabulated extinction of
haemoglobin; Farrell, Patterson and Wilson, "A diffusion theory model of spatially resolved,
steady-state diffuse reflectance", Medical Physics 1992 (reflectance of a half-space); Donner and
Jensen, "A spectral BSSRDF for shading human skin", EGSR 2006 (hair's and skin's two melanins).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from data.people.surface import Array, floats

# Means over the red, green and blue bands of a camera (600-680, 500-580, 430-490 nm), per cm.
_MELANIN = floats([331.0, 480.0, 760.0])
_BLOOD = floats([14.0, 195.0, 320.0])
_BLOODLESS = floats([0.25, 0.7, 4.0])
_SCATTERING = floats([40.0, 60.0, 100.0])
_EPIDERMIS = 2 * 0.006  # cm, passed twice
_SURFACE = 0.012  # scattered by the horny layer before any melanin
_BOUNDARY = 2.85  # (1 + r) / (1 - r) of the boundary to air, refractive index 1.4

# Per unit of concentration, of a strand of hair.
_EUMELANIN = floats([0.419, 0.697, 1.37])
_PHEOMELANIN = floats([0.187, 0.4, 1.05])


def skin_colour(melanin: npt.ArrayLike, blood: npt.ArrayLike) -> Array:
    """Linear RGB albedo of skin.

    Parameters
    ----------
    melanin : (...) float array
        Volume fraction of melanin in the epidermis: 0.01 is very fair, 0.4 very dark.
    blood : (...) float array
        Volume fraction of blood in the dermis, about 0.005 to 0.06.

    Returns
    -------
    colour : (..., 3) float32 array
        Between 0 and 1; falls with either fraction.
    """
    pigment = np.asarray(melanin, dtype=np.float32)[..., None]
    absorbed = _BLOODLESS + np.asarray(blood, dtype=np.float32)[..., None] * _BLOOD
    lost = absorbed / (absorbed + _SCATTERING)
    dermis = (1 - lost) / (1 + 2 * _BOUNDARY * lost + (1 + 2 * _BOUNDARY / 3) * np.sqrt(3 * lost))
    through = np.exp(-_EPIDERMIS * _MELANIN * pigment)
    return (_SURFACE + (1 - _SURFACE) * through * dermis).astype(np.float32)


def hair_colour(eumelanin: float, pheomelanin: float, grey: float = 0.0) -> Array:
    """Linear RGB albedo of hair.

    Parameters
    ----------
    eumelanin : float
        Brown-black pigment: 0.1 is light blond, 1 brown, 4 black.
    pheomelanin : float
        Yellow-red pigment: 1.5 and little eumelanin is red.
    grey : float, optional
        Share of strands without pigment, 0 to 1.

    Returns
    -------
    colour : (3,) float32 array
    """
    strand = 0.012 + 0.6 * np.exp(
        -2.4 * np.sqrt(eumelanin * _EUMELANIN + pheomelanin * _PHEOMELANIN)
    )
    white = floats([0.4, 0.39, 0.37])
    return ((1 - grey) * strand + grey * white).astype(np.float32)
