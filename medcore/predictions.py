"""The answers of models as plain facts: scores, masks with their lesions, boxes, and heat maps that explain them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from numpy import float16, float32
from numpy.typing import NDArray

from medcore.errors import Message
from medcore.records import Run
from medcore.volume import Mask, Triple


@dataclass(frozen=True, slots=True)
class Score:
    """One label of a classification.

    Args:
        label: The label's id in the card.
        probability: Calibrated, 0..1, on this model's scale.
        threshold: The card's operating point on the same scale.
    """

    label: str
    probability: float
    threshold: float

    @property
    def positive(self) -> bool:
        """Whether the probability reaches the operating point."""
        return self.probability >= self.threshold


@dataclass(frozen=True, slots=True)
class Classification:
    """Scores of a whole image."""

    run: Run
    scores: tuple[Score, ...]


@dataclass(frozen=True, slots=True)
class Lesion:
    """One measured lesion; lengths and volume in native space, None where the scan has no millimetres.

    Args:
        centre_lps_mm: Its centre of mass.
        voxels: How many voxels of the mask belong to it: true also where there is no millimetre.
        centre_index: Its centre of mass as (slice, row, column), to jump to.
        slice_index: The slice of its longest diameter.
        product_mm2: Longest diameter times the perpendicular one in that slice (RANO's bidirectional product).
        volume_low_ml, volume_high_ml: Interval of the volume from varied forward passes.
        probability: That it is one, as the model sees it.
        voxels_low, voxels_high: The interval in voxels.
    """

    id: str
    label: str
    volume_ml: float | None
    longest_mm: float | None
    short_axis_mm: float | None
    centre_lps_mm: Triple | None
    voxels: int = 0
    centre_index: Triple | None = None
    slice_index: int | None = None
    product_mm2: float | None = None
    volume_low_ml: float | None = None
    volume_high_ml: float | None = None
    probability: float | None = None
    voxels_low: int | None = None
    voxels_high: int | None = None


@dataclass(frozen=True, slots=True)
class Segmentation:
    """A mask on the scan's grid and what it measures.

    Args:
        scores: A suggestion of the kind of finding, one score a label of the card; () when the model gives none.
        presence: (S,) probability that there is a finding in each slice; () when the model gives none.
        uncertainty: (S, R, C) float16 in 0..1, how much varied forward passes disagree at each voxel, or None.
    """

    run: Run
    mask: Mask
    lesions: tuple[Lesion, ...]
    scores: tuple[Score, ...] = ()
    presence: tuple[float, ...] = ()
    uncertainty: NDArray[float16] | None = field(default=None, compare=False)

    @property
    def burden_ml(self) -> float | None:
        """Volume of all lesions together; None where the scan has no millimetres."""
        sizes = [lesion.volume_ml for lesion in self.lesions]
        return None if None in sizes else float(sum(size for size in sizes if size is not None))


@dataclass(frozen=True, slots=True)
class Box:
    """One detected box; corners are the first and last voxel index (slice, row, column) twice.

    Args:
        diameter_mm: Of a lung nodule the mean of its longest and perpendicular diameter.
        malignancy: How suspicious a reader would find it, 0..1: a suspicion rating, never a probability of cancer.
        mask_label: Its value in the detection's mask; 0 where it has none.
        longest_mm, short_axis_mm, volume_ml: Of its mask, in native space.
        kind: Of a lung nodule: "solid", "part_solid" or "ground_glass"; "" for anything else.
        solid_mm: Mean diameter of the solid part of a part-solid nodule.
        hu_mean: Mean density of the mask.
        evidence: What its kind and its rating were told from, with the numbers.
    """

    corners: tuple[float, float, float, float, float, float]
    centre_lps_mm: Triple | None
    diameter_mm: float | None
    label: str
    probability: float
    malignancy: float | None = None
    mask_label: int = 0
    longest_mm: float | None = None
    short_axis_mm: float | None = None
    volume_ml: float | None = None
    kind: str = ""
    solid_mm: float | None = None
    hu_mean: float | None = None
    evidence: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a published rule says of the boxes: decision support for teaching, never an order.

    Args:
        criterion: Id of the criterion ("lung_rads", "fleischner").
        category: What it comes to ("4B").
        rule: Stable id of the rule that fired.
        reason: The same in words, with its numbers.
        notes: What the rule leaves out or takes for granted.
    """

    criterion: str
    category: str
    rule: str
    reason: Message
    notes: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Detection:
    """Boxes found in a scan.

    Args:
        mask: The outline of each box under its `mask_label`, on the scan's grid; None where only boxes are given.
        suggestions: What published rules say of them.
    """

    run: Run
    boxes: tuple[Box, ...]
    mask: Mask | None = None
    suggestions: tuple[Suggestion, ...] = ()


Prediction: TypeAlias = Classification | Segmentation | Detection


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """A heat map on the scan's own grid.

    Args:
        run: The run it explains.
        method: Explainer id.
        target: Label it explains.
        layer: Where in the network it was taken.
        heat: (S, R, C) float32 in 0..1; 0 where the method saw no evidence for the target.
        peak: The value that 1 stands for, in units of the target's logit.
        checks: Faithfulness measurements by name; empty until they are made.
        seconds: Time it took on top of the prediction.
    """

    run: Run
    method: str
    target: str
    layer: str
    heat: NDArray[float32]
    peak: float
    seconds: float
    checks: Mapping[str, float] = field(default_factory=dict)
