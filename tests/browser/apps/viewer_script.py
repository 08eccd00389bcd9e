"""The script behind viewer_app: one viewer over phantoms whose every voxel is known."""

import hashlib
import json
from pathlib import Path

import numpy as np
import streamlit as st

from medcore.predictions import Box
from medcore.volume import Geometry, Mask, Scale, Unit, Volume, Window
from pages.ui.viewer.panes import BoxOverlay, HeatOverlay, LabelOverlay, Layout, Pane
from pages.ui.viewer.viewer import viewer

st.set_page_config(layout="wide")


@st.cache_resource
def case(name: str) -> tuple[Pane, ...]:
    return CASES[name]()


def chest_like(rows: int, columns: int) -> np.ndarray:
    r, c = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    picture = 900 + 300 * r
    for side in (-0.45, 0.45):
        picture -= 600 * np.exp(-(((c - side) / 0.28) ** 4) - ((r + 0.05) / 0.6) ** 4)
    picture += 250 * np.exp(-((c / 0.1) ** 2))
    picture += 120 * np.cos(28 * (r + 0.25 * c**2)) * np.exp(-((c / 0.8) ** 6))
    return picture


def radiograph() -> tuple[Pane, ...]:
    rows, columns = 3000, 2500
    voxels = np.clip(chest_like(rows, columns), 0, 4095).astype(np.uint16)[np.newaxis]
    geometry = Geometry.from_spacing((1.0, 0.14, 0.14), scale=Scale.DETECTOR)
    r, c = np.mgrid[0:rows, 0:columns]
    heat = np.exp(-(((r - 1900) / 350) ** 2) - ((c - 800) / 300) ** 2).astype(np.float32)[np.newaxis]
    volume = Volume(voxels, Unit.GREY, "DX", geometry, name="PA", synthetic=True, window=Window(900, 1400))
    return (Pane(volume, "Chest", (HeatOverlay(heat, "Grad-CAM"),)),)


def ct(slices: int = 60, side: int = 128, shift_mm: float = 0.0, frame: str = "1.2.3") -> Pane:
    """An anisotropic CT: air, a soft-tissue cylinder, a bright ball of 12 mm around (10, 20, 90) mm."""
    geometry = Geometry.from_spacing((3.0, 1.5, 1.5), origin_mm=(-96.0, -96.0, 0.0))
    geometry = Geometry(geometry.affine, frame_of_reference=frame)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in (slices, side, side)), indexing="ij"), axis=-1)
    x, y, z = np.moveaxis(geometry.to_lps(index), -1, 0)
    voxels = np.full((slices, side, side), -1000, np.int16)
    voxels[(x / 80) ** 2 + (y / 60) ** 2 < 1] = 40
    voxels[(np.abs(x) - 35) ** 2 / 900 + y**2 / 1400 < 1] = -850
    ball = (x - 10 - shift_mm) ** 2 + (y - 20) ** 2 + (z - 90) ** 2 < 12**2
    voxels[ball] = 300
    volume = Volume(voxels, Unit.HU, "CT", geometry, name="Thorax 3 mm", synthetic=True)
    mask = Mask(ball.astype(np.uint8), {1: "Nodule"}, geometry)
    corners = np.argwhere(ball)
    low, high = corners.min(axis=0), corners.max(axis=0)
    box = Box(
        corners=(*map(float, low), *map(float, high)),
        centre_lps_mm=(10.0 + shift_mm, 20.0, 90.0),
        diameter_mm=24.0,
        label="nodule",
        probability=0.91,
    )
    return Pane(volume, "CT", (LabelOverlay(mask, "Nodules"), BoxOverlay((box,), "Boxes")))


def oblique() -> tuple[Pane, ...]:
    angle = np.deg2rad(25)
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ Geometry.from_spacing((4.0, 0.7, 0.7)).affine[:3, :3]
    affine[:3, :3] = affine[:3, :3] * [-1, 1, 1]  # slices run from head to feet
    voxels = np.random.default_rng(0).integers(0, 1000, (20, 90, 110)).astype(np.int16)
    voxels[8:12, 30:60, 40:80] = 2000
    return (Pane(Volume(voxels, Unit.GREY, "MR", Geometry(affine), name="Oblique T1"), "MR"),)


def colour() -> tuple[Pane, ...]:
    r, c = np.mgrid[0:255:300j, 0:255:400j]
    voxels = np.stack([r, c, 255 - r], axis=-1).astype(np.uint8)[np.newaxis]
    return (Pane(Volume(voxels, Unit.RGB, "", Geometry.pixels(), name="photo"), "Picture"),)


def one_pixel() -> tuple[Pane, ...]:
    return (Pane(Volume(np.full((1, 1, 1), 7, np.uint8), Unit.GREY, "", Geometry.pixels()), "1 × 1"),)


def long_ct() -> tuple[Pane, ...]:
    """1,200 slices, each as grey as its number says."""
    voxels = np.broadcast_to(np.arange(1200, dtype=np.int16)[:, None, None], (1200, 64, 64)).copy()
    geometry = Geometry.from_spacing((1.0, 4.0, 4.0))
    return (Pane(Volume(voxels, Unit.GREY, "CT", geometry, window=Window(599.5, 1199)), "Long"),)


def suv() -> tuple[Pane, ...]:
    """Float voxels: a quarter of the column's number."""
    voxels = np.broadcast_to(np.arange(10, dtype=np.float32) / 4, (3, 8, 10)).copy()
    return (Pane(Volume(voxels, Unit.SUV, "PT", Geometry.from_spacing((4.0, 4.0, 4.0))), "PET"),)


def backwards() -> tuple[Pane, ...]:
    """The CT with slices from head to feet, rows from back to front and columns from left to right."""
    whole = ct()
    flip = np.diag((-1.0, -1.0, -1.0, 1.0))
    flip[:3, 3] = np.array(whole.volume.shape) - 1
    geometry = Geometry(whole.volume.geometry.affine @ flip)
    voxels = np.ascontiguousarray(whole.volume.voxels[::-1, ::-1, ::-1])
    return (Pane(Volume(voxels, Unit.HU, "CT", geometry, synthetic=True), "Backwards"),)


def one_slice() -> tuple[Pane, ...]:
    voxels = np.random.default_rng(0).integers(0, 1000, (1, 40, 50)).astype(np.int16)
    return (Pane(Volume(voxels, Unit.HU, "CT", Geometry.from_spacing((5.0, 1.0, 1.0))), "One slice"),)


def slabs() -> tuple[Pane, ...]:
    """512 × 512 × 300 int16: 157 MB."""
    voxels = np.zeros((300, 512, 512), np.int16)
    voxels += np.arange(300, dtype=np.int16)[:, None, None]
    voxels[:, 100:400, 100:400] += 500
    return (Pane(Volume(voxels, Unit.HU, "CT", Geometry.from_spacing((1.0, 0.8, 0.8))), "Large CT"),)


def pair() -> tuple[Pane, ...]:
    """Two dates of one frame, the ball moved 15 mm to the left; then a third scan registered by a known shift."""
    first, second = ct(), ct(shift_mm=15.0)
    return (first, Pane(second.volume, "CT later"))


def pet_ct() -> tuple[Pane, ...]:
    """The CT and the uptake of its ball: 7 SUV inside, none elsewhere, on the same grid."""
    scan = ct()
    ball = scan.overlays[0].mask.labels  # type: ignore[union-attr]
    uptake = Volume(ball.astype(np.float32) * 7, Unit.SUV, "PT", scan.volume.geometry, name="PET", synthetic=True)
    return (Pane(scan.volume, "CT"), Pane(uptake, "PET"))


def registered() -> tuple[Pane, ...]:
    first, second = ct(), ct(shift_mm=15.0, frame="9.9.9")
    shift = np.eye(4)
    shift[0, 3] = -15.0
    return (first, Pane(second.volume, "CT later", to_reference=shift))


def series(name: str) -> Volume:
    """A real series beside the checkout, for reading by hand."""
    from medcore.intake import Source, read_sources
    from medcore.sandbox import Sandbox
    from medcore.settings import Settings

    path = Path(__file__).resolve().parents[4] / "shared" / "data" / name
    sandbox = Sandbox(workers=1, memory_mb=4096, seconds=120, output_mb=4096)
    try:
        reading = read_sources([Source(path.name, path)], sandbox=sandbox, settings=Settings())
    finally:
        sandbox.close()
    return max((found.volume for found in reading.found), key=lambda volume: volume.voxels.size)


def nodule() -> tuple[Pane, ...]:
    """A real CT with its annotated nodule as a ball of the annotated diameter."""
    volume = series("ct_lidc_partial/LIDC-IDRI-0001.zip")
    centre, diameter = np.array((56.20840547, 86.34341278, -115.86757920000001)), 23.35064438
    index = np.stack(np.meshgrid(*(np.arange(n) for n in volume.shape), indexing="ij"), axis=-1)
    ball = ((volume.geometry.to_lps(index) - centre) ** 2).sum(axis=-1) < (diameter / 2) ** 2
    mask = Mask(ball.astype(np.uint8), {1: "Nodule, annotated diameter"}, volume.geometry)
    return (Pane(volume, "LIDC-IDRI 0001", (LabelOverlay(mask, "Nodules"),)),)


CASES = {
    "mr": lambda: (Pane(series("mr_t1_series/mr_t1_series.zip"), "MR T1"),),
    "nodule": nodule,
    "radiograph": radiograph,
    "ct": lambda: (ct(),),
    "oblique": oblique,
    "colour": colour,
    "one_pixel": one_pixel,
    "slabs": slabs,
    "long": long_ct,
    "suv": suv,
    "backwards": backwards,
    "one_slice": one_slice,
    "pair": pair,
    "pet_ct": pet_ct,
    "registered": registered,
}

query = st.query_params
name = query.get("case", "radiograph")
panes = case(name)

st.session_state["runs"] = st.session_state.get("runs", 0) + 1
if st.toggle("Viewer", value=True):
    state = viewer(panes, key="v", layout=Layout(query.get("layout", "auto")), height=int(query.get("height", "560")))
    st.button("Rerun")
    st.text(f"runs {st.session_state['runs']}")
    picked = state.picked
    st.text(f"picked {picked and f'{picked.kind} {picked.id} {picked.value}'}")
    st.code(
        json.dumps(
            [
                {"kind": m.kind, "unit": m.unit, "values": dict(m.values), "points": m.points_lps_mm, "text": m.text}
                for m in state.measurements
            ]
        ),
        language="json",
    )
    for drawn in state.drawn:
        st.session_state["mask"] = hashlib.sha256(drawn.mask.labels.tobytes()).hexdigest()
    if "mask" in st.session_state:
        st.text(f"mask {st.session_state['mask']}")
