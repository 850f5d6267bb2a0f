"""PNG files that say of themselves what in them was generated."""

from __future__ import annotations

import os
from typing import NamedTuple

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

_XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
    " Iptc4xmpExt:DigitalSourceType="
    '"http://cv.iptc.org/newscodes/digitalsourcetype/{}"/>'
    "</rdf:RDF></x:xmpmeta>"
)


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
    info = PngInfo()
    info.add_text("Description", notice.sentence)
    info.add_text("Software", "landmark-calibrated-expressions")
    for key, value in told.items():
        info.add_itxt(key, value.encode("utf-8", "replace").decode())
    info.add_itxt("XML:com.adobe.xmp", _XMP.format(notice.source_type))
    with replacing(path, "wb", durable=False) as handle:
        Image.fromarray(image).save(handle, format="PNG", pnginfo=info)
