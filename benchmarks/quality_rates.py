"""How often each quality check speaks up on ordinary images, and on images that were harmed on purpose.

Prints the tables of docs/quality.md: python benchmarks/quality_rates.py --data FOLDER [--part tune] [--count 300]
Limits were chosen on the part "tune"; the tables are of the part "report". Parts are split by patient or, where a set
names none, by file.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from skimage.transform import iradon, radon

from medcore.imaging.quality_report import inspect
from medcore.intake import Source, read_sources
from medcore.settings import Settings
from medcore.volume import Array, Geometry, Unit, Volume
from medcore.workbench.workbench import open_sandbox

PARTS = {"tune": 0, "report": 1}
TEXTS = ("DOE JOHN 1951-03-02", "ID 48210377 M 64Y", "SMITH ANNA", "St. Mary Hospital 12:45")
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@dataclass(frozen=True, slots=True)
class ImageSet:
    """A folder of pictures with an index, and how a hospital would have labelled them."""

    name: str
    owner: str
    modality: str
    body_part: str


@dataclass(frozen=True, slots=True)
class Harm:
    """One way to spoil an image, and the code that should be reported."""

    name: str
    code: str
    change: Callable[[Array, np.random.Generator], Array]
    modalities: tuple[str, ...] = ("DX", "MR")
    body_part: str | None = None


SETS = (
    ImageSet("kermany", "patient", "DX", "CHEST"),
    ImageSet("nih_adult", "patient", "DX", "CHEST"),
    ImageSet("hannover_covid", "patient", "DX", "CHEST"),
    ImageSet("fracatlas", "file", "DX", "EXTREMITY"),
    ImageSet("brisc2025", "file", "MR", "HEAD"),
)


def noisy(share: float) -> Callable[[Array, np.random.Generator], Array]:
    """Gaussian noise of a share of the grey range."""
    return lambda image, rng: image + rng.normal(0, share * spread(image), image.shape)


def blurred(sigma: float) -> Callable[[Array, np.random.Generator], Array]:
    """A Gaussian blur, in pixels."""
    return lambda image, rng: cv2.GaussianBlur(image, (0, 0), sigma)


def jpeg(quality: int) -> Callable[[Array, np.random.Generator], Array]:
    """Saved once more as JPEG."""

    def change(image: Array, rng: np.random.Generator) -> Array:
        data = cv2.imencode(".jpg", image.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))

    return change


def clipped(image: Array, rng: np.random.Generator) -> Array:
    """Everything above the 85th percentile is white."""
    top = max(float(np.percentile(image, 85)), 1.0)
    return np.minimum(image, top) * 255 / top


def faded(image: Array, rng: np.random.Generator) -> Array:
    """A seventh of the contrast."""
    return 100 + (image - 128) * 0.15


def inverted(image: Array, rng: np.random.Generator) -> Array:
    """Black and white swapped."""
    return 255 - image


def turned(quarters: int) -> Callable[[Array, np.random.Generator], Array]:
    """Quarter turns."""
    return lambda image, rng: np.rot90(image, quarters).copy()


def tilted(image: Array, rng: np.random.Generator) -> Array:
    """20° to either side."""
    height, width = image.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.choice([-20, 20])), 1.0)
    return np.asarray(cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REPLICATE))


def written(image: Array, rng: np.random.Generator) -> Array:
    """A line of white text at the top or bottom."""
    size = int(rng.choice([10, 14, 20]))
    picture = Image.fromarray(image.astype(np.uint8))
    place = int(rng.uniform(2, image.shape[1] * 0.4)), int(rng.choice([2, image.shape[0] - size - 4]))
    ImageDraw.Draw(picture).text(place, str(rng.choice(TEXTS)), fill=255, font=ImageFont.load_default(size))
    return np.asarray(picture)


def ghosted(image: Array, rng: np.random.Generator) -> Array:
    """A copy of a fifth of the brightness, half the image away."""
    return image + 0.2 * np.roll(image, image.shape[0] // 2, axis=0)


def uneven(image: Array, rng: np.random.Generator) -> Array:
    """Brightness rising threefold to one side and falling threefold to the other."""
    return image * 3.0 ** np.linspace(-1, 1, image.shape[1])[None] / 3


HARMS = (
    Harm("noise of 5 % of the range", "noisy", noisy(0.05), ("DX",)),
    Harm("noise of 10 % of the range", "noisy", noisy(0.10)),
    Harm("blur, sigma 1.5 pixels", "blurred", blurred(1.5)),
    Harm("blur, sigma 2.5 pixels", "blurred", blurred(2.5)),
    Harm("blur, sigma 4 pixels", "blurred", blurred(4.0)),
    Harm("brightest 15 % cut off", "clipped", clipped),
    Harm("contrast × 0.15", "low_contrast", faded),
    Harm("JPEG of quality 20", "block_artefacts", jpeg(20)),
    Harm("JPEG of quality 10", "block_artefacts", jpeg(10)),
    Harm("black and white swapped", "inverted", inverted, ("DX",)),
    Harm("turned by 90°", "turned", turned(1), ("DX",), "CHEST"),
    Harm("turned by 180°", "turned", turned(2), ("DX",), "CHEST"),
    Harm("tilted by 20°", "tilted", tilted, ("DX",), "CHEST"),
    Harm("a line of text", "burned_in_text", written),
    Harm("ghost of 20 %", "ghosting", ghosted, ("MR",)),
    Harm("bias field 1/3 to 3", "bias_field", uneven, ("MR",)),
)


def spread(image: Array) -> float:
    """Difference of the 99th and the 1st percentile."""
    low, high = np.percentile(image, (1, 99))
    return float(high - low)


def images(folder: Path, one: ImageSet, part: str, count: int) -> Iterator[Array]:
    """At most `count` grey images (R, C) uint8 of one half of a set, in a fixed random order."""
    with (folder / one.name / "index.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if half(row[one.owner]) == PARTS[part]]
    for number in np.random.default_rng(1).permutation(len(rows))[:count]:
        yield np.asarray(cv2.imread(str(folder / one.name / rows[number]["file"]), cv2.IMREAD_GRAYSCALE))


def half(owner: str) -> int:
    """0 or 1, the same for all images of one owner."""
    return hashlib.md5(owner.encode(), usedforsecurity=False).digest()[0] % 2


def as_scan(image: Array, one: ImageSet, *, picture: bool = False) -> Volume:
    """The image as a DICOM file of its kind would be read, or as a picture that says nothing."""
    voxels = np.clip(np.rint(image), 0, 255).astype(np.uint8)[None]
    if picture:
        return Volume(voxels, Unit.GREY, "", Geometry.pixels())
    return Volume(voxels, Unit.GREY, one.modality, Geometry.pixels(), body_part=one.body_part)


def ordinary(folder: Path, part: str, count: int) -> None:
    """Findings per code on images as they are."""
    print(f"Ordinary images, part “{part}”: share with a finding\n")
    print("| set | read as | images | any | by code |\n|---|---|---|---|---|")
    for one in SETS:
        for picture in (False, True):
            found = [codes(as_scan(image, one, picture=picture)) for image in images(folder, one, part, count)]
            _row(one.name, "picture" if picture else one.modality, found)
    for path in (
        "ct_lidc_partial",
        "mr_t1_series/mr_t1_series.zip",
        "pyradiomics",
        "longitudinal_glioma",
        "longitudinal_ms",
    ):
        volumes = _volumes(folder / path)
        _row(path.split("/")[0], "volumes", [codes(volume) for volume in volumes])


def harmed(folder: Path, part: str, count: int) -> None:
    """Share of harmed images on which the right code is reported."""
    print(f"\nImages harmed on purpose, part “{part}”: share that is found\n")
    print("| harm | code | " + " | ".join(one.name for one in SETS) + " |\n|---|---|" + "---|" * len(SETS))
    for harm in HARMS:
        cells = []
        for one in SETS:
            fits = one.modality in harm.modalities and harm.body_part in (None, one.body_part)
            cells.append(_share(folder, one, harm, part, count) if fits else "–")
        print(f"| {harm.name} | `{harm.code}` | " + " | ".join(cells) + " |")


def ct(folder: Path) -> None:
    """The CT slices with noise, a metal pin, and cut to their middle."""
    planes = [v.voxels[n] for v in _volumes(folder / "ct_lidc_partial") for n in range(0, v.shape[0], 2)]
    rng = np.random.default_rng(0)
    pinned = [with_metal(plane) for plane in planes[:8]]
    cases = (
        ("as they are", planes, ("noisy", "truncated_body", "streaks")),
        ("noise of 120 HU", [plane + rng.normal(0, 120, plane.shape) for plane in planes], ("noisy",)),
        ("middle 60 %", [plane[102:410, 102:410] for plane in planes], ("truncated_body",)),
        ("blur, sigma 4 pixels", [cv2.GaussianBlur(plane, (0, 0), 4) for plane in planes], ("blurred",)),
        ("metal pin, projected and reconstructed", pinned, ("metal", "streaks")),
    )
    print("\nCT slices one by one\n\n| slices | n | " + "share with the code |\n|---|---|---|")
    for name, changed, wanted in cases:
        found = [codes(_ct_slice(plane)) for plane in changed]
        shares = ", ".join(f"`{code}` {np.mean([code in one for one in found]):.2f}" for code in wanted)
        print(f"| {name} | {len(found)} | {shares} |")


def with_metal(plane: Array) -> Array:
    """A slice with a titanium pin in its middle, projected with a detector that saturates and reconstructed."""
    small = cv2.resize(plane.astype(np.float32), (256, 256), interpolation=cv2.INTER_AREA)
    rows, columns = np.mgrid[:256, :256]
    small = np.clip(small, -1000, 3000)
    small[(rows - 150) ** 2 + (columns - 128) ** 2 <= 25] = 12000
    small[(rows - 128) ** 2 + (columns - 128) ** 2 > 126**2] = -1000
    angles = np.linspace(0, 180, 360, endpoint=False)
    rays = radon((small + 1000) / 1000, theta=angles)
    dark = np.percentile(rays, 99.5)
    rays = np.where(rays > dark, dark + 0.3 * (rays - dark), rays)  # photon starvation and beam hardening
    return np.asarray(iradon(rays, theta=angles) * 1000 - 1000)


def codes(volume: Volume) -> set[str]:
    """Codes of all findings."""
    return {issue.code for issue in inspect(volume)}


def _ct_slice(plane: Array) -> Volume:
    voxels = np.clip(np.rint(plane), -32768, 32767).astype(np.int16)[None]
    return Volume(voxels, Unit.HU, "CT", Geometry.from_spacing((2.5, 360 / plane.shape[0], 360 / plane.shape[1])))


def _share(folder: Path, one: ImageSet, harm: Harm, part: str, count: int) -> str:
    rng = np.random.default_rng(2)
    found = [
        harm.code in codes(as_scan(harm.change(image.astype(np.float32), rng), one))
        for image in images(folder, one, part, count)
    ]
    return f"{np.mean(found):.2f}"


def _row(name: str, kind: str, found: list[set[str]]) -> None:
    counted = Counter(code for one in found for code in one)
    by_code = ", ".join(f"`{code}` {number / len(found):.3f}" for code, number in counted.most_common())
    print(f"| {name} | {kind} | {len(found)} | {np.mean([bool(one) for one in found]):.3f} | {by_code} |")


def _volumes(path: Path) -> list[Volume]:
    settings = Settings()
    with open_sandbox(settings) as sandbox:
        found = read_sources([Source(path.name, path=path)], sandbox=sandbox, settings=settings).found
    return [one.volume for one in found if "ask" not in one.volume.name.lower() and "label" not in one.volume.name]


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of real images")
    parser.add_argument("--part", choices=list(PARTS), default="report")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--harmed", type=int, default=100)
    chosen = parser.parse_args()
    if not chosen.data.is_dir():
        print("real images are not here")
        return
    ordinary(chosen.data, chosen.part, chosen.count)
    harmed(chosen.data, chosen.part, chosen.harmed)
    ct(chosen.data)


if __name__ == "__main__":
    main()
