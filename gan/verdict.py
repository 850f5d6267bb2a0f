"""What the numbers of an evaluation mean, in one word and one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from landmarks.errors import InputError

UNTRAINED_BELOW = 0.5
"""untrained: a face is found in fewer than this share of as many pictures as of the true ones."""

MEMORISING_GAP = 0.15
"""memorising: trained faces are better than held-out ones by more than this, in the share of faces
within 5 % or in SSIM."""

GOOD_ABOVE = 0.9
"""good: the share of faces within 5 % is at least this part of what the true pictures reach, and
larger than that of the nearest copies."""

KNOWN_AGAIN_GAP = 0.25
"""Trained faces are told to be known again: dlib takes this share more of them for the very person
than of held-out ones. That alone is no fault of the landmarks, so it does not change the word."""


@dataclass(frozen=True)
class Scores:
    """Measures of one set of faces against the true pictures.

    Attributes
    ----------
    pairs, persons : int
    found : float
        Share in which a face is found at all.
    within : float
        Share with a landmark error up to 5 % of the inter-ocular distance.
    landmark_mean, landmark_median : float
        Of the found ones, as fractions; NaN where none is found.
    ssim, psnr : float
        Means; decibels.
    identity : float
        Mean distance of dlib's descriptors.
    same_person : float
        Share with a distance below 0.6.
    frechet : float
        On those descriptors; NaN for fewer than two faces.
    """

    pairs: int
    persons: int
    found: float
    within: float
    landmark_mean: float
    landmark_median: float
    ssim: float
    psnr: float
    identity: float
    same_person: float
    frechet: float


class Verdict(NamedTuple):
    """A word, and the numbers that say so."""

    word: str
    reason: str

    def __str__(self) -> str:
        return f"{self.word}: {self.reason}"


def require_found(true: Scores) -> None:
    """Refuse pictures with which nothing can be measured.

    Parameters
    ----------
    true : Scores
        Of the true held-out pictures themselves.

    Raises
    ------
    InputError
        dlib finds no face in any.
    """
    if not true.found:
        raise InputError(
            f"dlib finds no face in any of the {true.pairs} true held-out pictures: generated ones"
            " cannot be measured with them"
        )


def judge(held_out: Scores, train: Scores, copied: Scores, true: Scores) -> Verdict:
    """Tell how far a generator is.

    Parameters
    ----------
    held_out : Scores
        Generated faces of persons that were never trained on.
    train : Scores
        Generated faces of training pairs.
    copied : Scores
        For the held-out faces, the training face with the nearest landmarks.
    true : Scores
        The true held-out pictures themselves: what dlib reaches at best.

    Returns
    -------
    verdict : Verdict
        'untrained', 'memorising', 'good' or 'learning'; the first that holds, in this order.

    Raises
    ------
    InputError
        No face is found in the true pictures either.
    """
    require_found(true)
    share = (
        f"landmarks within 5 % on {_percent(held_out.within)} of {held_out.pairs} held-out faces"
        f" (true pictures {_percent(true.within)}, nearest copies {_percent(copied.within)},"
        f" training faces {_percent(train.within)})"
    )
    if held_out.found < UNTRAINED_BELOW * true.found:
        found = f"dlib finds a face in {_percent(held_out.found)} of {held_out.pairs}"
        return Verdict("untrained", f"{found} held-out pictures, in {_percent(true.found)} true")
    gaps = (train.within - held_out.within, train.ssim - held_out.ssim)
    if max(gaps) > MEMORISING_GAP:
        ssim = f"SSIM {held_out.ssim:.2f} against {train.ssim:.2f} on training faces"
        return Verdict("memorising", f"{share}; {ssim}")
    known = ""
    if train.same_person - held_out.same_person > KNOWN_AGAIN_GAP:
        known = (
            f"; but dlib takes {_percent(train.same_person)} of the training faces for the very"
            f" person ({_percent(held_out.same_person)} held out)"
        )
    good = held_out.within >= GOOD_ABOVE * true.within and held_out.within > copied.within
    return Verdict("good" if good else "learning", share + known)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
