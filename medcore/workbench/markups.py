"""Regions of an upload find the scan they were drawn on, and become masks on its grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medcore.errors import N_, Message, MissingScanError
from medcore.imaging.markup import Layer, layer_of
from medcore.intake import Found, FoundMarkup
from medcore.readers import Markup, Painted
from medcore.readers._answer import pack_markup
from medcore.readers._regular import IRREGULAR
from medcore.records import Issue, Severity
from medcore.sandbox import Sandbox
from medcore.store.placed import PlacedScan
from medcore.volume import Geometry, Scale, Unit, Volume

PLACE = "medcore.imaging.markup:place_facts"


def lay(found: FoundMarkup, scans: Sequence[PlacedScan], sandbox: Sandbox) -> tuple[PlacedScan, tuple[Layer, ...]]:
    """The scan that regions were drawn on, and the regions as masks on its grid, computed in a child.

    Raises:
        MissingScanError: The scan is not among these, or its slices do not lie where its geometry says.
        MedcoreError: The regions do not lie in the scan, or take too long or too much memory.
    """
    scan = scan_of(found.markup, scans)
    if scan is None:
        raise MissingScanError(
            N_("“{name}” holds regions drawn on a scan ({kind}), and its scan is not here."),
            hint=N_("Upload it together with its scan, or after it."),
            name=found.name,
            kind=found.markup.kind,
        )
    if not scan.sound:
        raise MissingScanError(
            N_("“{name}” holds regions drawn on a scan whose slices are incomplete or uneven."),
            hint=N_("Send the complete series again with it; regions on this one would lie in wrong places."),
            name=found.name,
        )
    arguments = pack_markup(found.markup), scan.geometry.affine.ravel().tolist(), "", list(scan.shape)
    answer = sandbox.run(PLACE, *arguments, name=found.name)
    assert isinstance(answer, list)
    return scan, tuple(layer_of(facts, scan.geometry) for facts in answer)


def scan_of(markup: Markup, scans: Sequence[PlacedScan]) -> PlacedScan | None:
    """The scan that regions were drawn on: of their series, else in their frame of reference; a sound one first."""
    patient = [scan for scan in scans if scan.geometry.scale is Scale.PATIENT]
    frame = markup.frame_of_reference
    for among in (
        [scan for series in markup.series for scan in patient if scan.series == series and series],
        [scan for scan in patient if frame and scan.geometry.frame_of_reference == frame],
    ):
        if among:
            return max(among, key=lambda scan: (scan.sound, scan.shape[0] * scan.shape[1] * scan.shape[2]))
    return None


def scans_found(found: Sequence[Found]) -> tuple[PlacedScan, ...]:
    """The scans of an upload that is not stored; their ids are their places in it."""
    return tuple(
        PlacedScan(
            str(index),
            scan.series_key,
            scan.volume.geometry,
            scan.volume.shape,
            not any(issue.code in IRREGULAR for issue in scan.issues),
        )
        for index, scan in enumerate(found)
    )


def alone(found: FoundMarkup) -> Found | None:
    """A segmentation without its scan as an image of its own, only to be looked at; None for contours."""
    markup, drawn = found.markup, found.markup.drawn
    if not isinstance(drawn, Painted):
        return None
    first = drawn.planes[0]
    normal = np.cross(first[3:6], first[6:9])
    affine = np.eye(4)
    affine[:3, 0] = normal * (drawn.step_mm[0] if drawn.step_mm else 1.0)
    affine[:3, 1], affine[:3, 2], affine[:3, 3] = first[6:9] * first[9], first[3:6] * first[10], first[:3]
    volume = Volume(
        voxels=drawn.pixels,
        unit=Unit.GREY,
        modality=markup.kind,
        geometry=Geometry(affine, frame_of_reference=markup.frame_of_reference),
        name=f"{markup.kind} {markup.title}",
        transfer_syntax=markup.transfer_syntax,
        sha256=markup.sha256,
    )
    missing = Issue(
        "scan_missing",
        Severity.BLOCK,
        Message(N_("These are regions drawn on a scan ({kind}), and the scan is not here."), {"kind": markup.kind}),
        Message(N_("Send it together with its scan; it then becomes a mask of it.")),
    )
    who = markup.identity
    return Found(volume, who.study, who.patient, who.series, (missing, *markup.issues))
