"""Folders of real photographs in the layouts of public sets, and the commands that read them."""

import csv
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from data import youtube_faces
from landmarks.files import write_points
from tests.test_make_pairs import keypoints

RAMP = np.stack(
    [*np.meshgrid(np.arange(256), np.arange(256)), np.full((256, 256), 128)], axis=-1
).astype(np.uint8)
"""A picture whose red tells x and whose green tells y."""


def run(command, *arguments, code=0, capsys=None):
    if capsys is not None:
        capsys.readouterr()
    assert command.main([str(argument) for argument in arguments]) == code
    if capsys is None:
        return ""
    told = capsys.readouterr()
    assert (told.err if code else told.out).count("\n") == 1
    return told.err if code else told.out


def bytes_in(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def problems_in(folder):
    with open(folder / "errors.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert not any(row["reason"].startswith(row["file"]) for row in rows)
    return [f"{row['file']}: {row['reason']}" for row in rows]


def packed(folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return path


def pts_folder(folder, points, names=("134212_1", "134212_2", "deep/image_0012")):
    for name in names:
        path = folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(RAMP).save(path)
        write_points(path.with_suffix(".pts"), points)
    return folder


def youtube_folder(folder, points, **lines):
    """Persons 'a' (a training person by its hash) and 'c' (a test person)."""
    for part, names in (("training", ["a_00.png", "c_01.png"]), ("test", ["a_10.png"])):
        (folder / part).mkdir(parents=True)
        for name in names:
            Image.fromarray(RAMP).save(folder / part / name)
        table = keypoints(names, points + youtube_faces.YOUTUBE_SHIFT) + lines.get(part, "")
        (folder / f"{part}_frames_keypoints.csv").write_text(table)
    return folder


def parts(points):
    return "".join(f"<part name='{k:02}' x='{x}' y='{y}'/>" for k, (x, y) in enumerate(points))


def xml_file(folder, *images):
    folder.mkdir(exist_ok=True)
    Image.fromarray(RAMP).save(folder / "image_003_1.png")
    path = folder / "faces.xml"
    text = "<?xml version='1.0' encoding='ISO-8859-1'?>\n<dataset><images>"
    path.write_text(text + "".join(images) + "</images></dataset>", encoding="latin-1")
    return path


def element(*boxes, file="image_003_1.png", more=""):
    whole = "".join(f"<box top='1' left='1' width='9' height='9'>{box}</box>" for box in boxes)
    return f"<image file='{file}'{more}>{whole}</image>\n"


def spoil(folder, face_points):
    """Six pictures that can be used, in the modes of other cameras, and eleven that cannot."""
    pts_folder(folder, face_points, ["g1", "g2", "cut", "page", "one", "both"])
    image = Image.fromarray(RAMP)
    image.convert("CMYK").save(folder / "cmyk.jpg", quality=95)
    Image.fromarray(RAMP[..., 0].astype(np.uint16) * 257).save(folder / "deep.png")
    image.convert("RGBA").save(folder / "clear.png")
    image.convert("L").save(folder / "grey.png")
    for name in ["cmyk", "deep", "clear", "grey", "missing"]:
        write_points(folder / f"{name}.pts", face_points)
    (folder / "cut.png").write_bytes((folder / "cut.png").read_bytes()[:400])
    (folder / "page.png").write_text("<html>404</html>")
    (folder / "one.pts").unlink()
    image.save(folder / "both.jpg")
    for name, points in (
        ("few", face_points[:67]),
        ("other", face_points + 300),
        ("far", np.concatenate([face_points[:67], [[1e6, 0]]])),
        ("half", (face_points - face_points.max(axis=0)) / 2.5 + 10),
        ("same", np.full((68, 2), 100.0)),
    ):
        image.save(folder / f"{name}.png")
        write_points(folder / f"{name}.pts", points)
    image.save(folder / "nan.png")
    text = (folder / "g1.pts").read_text().splitlines()
    text[10] = "nan 3"
    (folder / "nan.pts").write_text("\n".join(text))
    (folder / "._g1.pts").write_text("left by another system")
    return folder
