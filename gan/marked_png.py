"""PNG files that say of themselves what in them was generated."""

from __future__ import annotations

import os
from typing import NamedTuple
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from landmarks.files import replacing


class Notice(NamedTuple):
    """What a picture says of itself.

    Attributes
    ----------
    sentence : str
    source_type : str
        Term of IPTC's list of digital source types; viewers and archives look for it.
    """

    sentence: str
    source_type: str


GENERATED = Notice(
    "Generated face: drawn by a program from 68 landmarks, not a photograph of a person.",
    "trainedAlgorithmicMedia",
)
COMPARISON = Notice(
    "Comparison: faces drawn by a program (columns 'generated') beside the true pictures and"
    " training pictures (columns 'true' and 'nearest copy').",
    "compositeWithTrainedAlgorithmicMedia",
)
EDITED = Notice(
    "Edited photograph: a program has changed the expression of a face in it.",
    "compositeWithTrainedAlgorithmicMedia",
)

PROGRAM = "landmark-calibrated-expressions"
"""What marks call the program."""

_XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/" Iptc4xmpExt:DigitalSourceType='
    '"http://cv.iptc.org/newscodes/digitalsourcetype/{}">'
    '<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt></dc:description>'
    "</rdf:Description></rdf:RDF></x:xmpmeta>"
)


def xmp_packet(notice: Notice, **told: str) -> str:
    """A mark in XMP, which most picture formats can hold.

    Parameters
    ----------
    notice : Notice
    **told
        More to say, behind the sentence.

    Returns
    -------
    packet : str
        XML.
    """
    return _XMP.format(notice.source_type, escape(one_line(notice, **told)))


def one_line(notice: Notice, **told: str) -> str:
    """What a picture says of itself, for formats that hold one text."""
    return " ".join([notice.sentence, *(f"{key}: {value}." for key, value in told.items())])


def png_entries(notice: Notice, **told: str) -> PngInfo:
    """The text entries of a marked PNG file.

    Parameters
    ----------
    notice : Notice
    **told
        More text entries.
    """
    info = PngInfo()
    info.add_text("Description", notice.sentence)
    info.add_text("Software", PROGRAM)
    for key, value in told.items():
        info.add_itxt(key, value.encode("utf-8", "replace").decode())
    info.add_itxt("XML:com.adobe.xmp", xmp_packet(notice, **told))
    return info


def write_marked_png(
    path: str | os.PathLike[str],
    image: NDArray[np.uint8],
    *,
    notice: Notice = GENERATED,
    **told: str,
) -> None:
    """Write a picture, whole or not at all.

    Parameters
    ----------
    path : path-like
        Its folder must exist.
    image : (H, W, 3) uint8 array
        RGB.
    notice : Notice, optional
    **told
        More text entries.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    with replacing(path, "wb", durable=False) as handle:
        Image.fromarray(image).save(handle, format="PNG", pnginfo=png_entries(notice, **told))
