"""Scans and regions as plain facts and arrays, to cross between child and app, and back into checked records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np

from medcore.errors import N_, CorruptFileError, Message
from medcore.readers import Identity, Markup, Outlined, Painted, Scan
from medcore.records import Issue, Severity
from medcore.volume import Geometry, Scale, Unit, Volume, Window
from medcore.wire import SharedArray


def pack(scan: Scan, voxels: SharedArray | None = None) -> dict[str, object]:
    """A scan as plain facts; `voxels` takes the place of the volume's own."""
    volume = scan.volume
    return {
        "voxels": volume.voxels if voxels is None else voxels,
        "unit": volume.unit.value,
        "modality": volume.modality,
        "affine": volume.geometry.affine.ravel().tolist(),
        "scale": volume.geometry.scale.value,
        "frame": volume.geometry.frame_of_reference,
        "name": volume.name,
        "acquired_on": volume.acquired_on.isoformat() if volume.acquired_on else "",
        "sha256": volume.sha256,
        "body_part": volume.body_part,
        "view": volume.view,
        "transfer_syntax": volume.transfer_syntax,
        "window": [volume.window.centre, volume.window.width] if volume.window else None,
        "synthetic": volume.synthetic,
        "facts": dict(volume.facts),
        "identity": [scan.identity.study, scan.identity.patient, scan.identity.series],
        "issues": [pack_issue(issue) for issue in scan.issues],
    }


def unpack(facts: Mapping[str, Any]) -> Scan:
    """The scan that `pack` packed.

    Raises:
        MedcoreError: The facts make no valid volume.
    """
    geometry = Geometry(
        np.array(facts["affine"], dtype=np.float64).reshape(4, 4), Scale(facts["scale"]), str(facts["frame"])
    )
    volume = Volume(
        voxels=facts["voxels"],
        unit=Unit(facts["unit"]),
        modality=str(facts["modality"]),
        geometry=geometry,
        name=str(facts["name"]),
        acquired_on=date.fromisoformat(facts["acquired_on"]) if facts["acquired_on"] else None,
        sha256=str(facts["sha256"]),
        body_part=str(facts["body_part"]),
        view=str(facts["view"]),
        transfer_syntax=str(facts["transfer_syntax"]),
        window=Window(*facts["window"]) if facts["window"] else None,
        synthetic=bool(facts["synthetic"]),
        facts={str(key): str(value) for key, value in facts["facts"].items()},
    )
    study, patient, series = map(str, facts["identity"])
    return Scan(volume, Identity(study, patient, series), tuple(map(unpack_issue, facts["issues"])))


def pack_markup(markup: Markup) -> dict[str, object]:
    """Regions as plain facts."""
    drawn = markup.drawn
    if isinstance(drawn, Painted):
        shapes: dict[str, object] = {
            "pixels": drawn.pixels,
            "planes": drawn.planes,
            "full": drawn.full,
            "step_mm": list(drawn.step_mm),
        }
    else:
        shapes = {"points_mm": drawn.points_mm, "starts": drawn.starts}
    return {
        "kind": markup.kind,
        "names": [[region, label] for region, label in markup.names.items()],
        "series": list(markup.series),
        "frame": markup.frame_of_reference,
        "identity": [markup.identity.study, markup.identity.patient, markup.identity.series],
        "issues": [pack_issue(issue) for issue in markup.issues],
        "transfer_syntax": markup.transfer_syntax,
        "sha256": markup.sha256,
        "regions": drawn.regions,
        **shapes,
    }


def unpack_markup(facts: Mapping[str, Any]) -> Markup:
    """The regions that `pack_markup` packed.

    Raises:
        CorruptFileError: The arrays do not fit each other.
    """
    regions = np.asarray(facts["regions"])
    drawn: Painted | Outlined
    if "pixels" in facts:
        drawn = Painted(facts["pixels"], regions, facts["planes"], int(facts["full"]), tuple(facts["step_mm"]))
        sound = drawn.pixels.ndim == 3 and drawn.planes.shape == (len(drawn.pixels), 11) == (len(regions), 11)
        sound = sound and bool(np.isfinite(drawn.planes).all())
    else:
        drawn = Outlined(facts["points_mm"], facts["starts"], regions)
        ends = drawn.starts
        sound = drawn.points_mm.shape == (int(ends[-1]), 3) and len(ends) == len(regions) + 1
        sound = sound and bool((np.diff(ends) >= 3).all() and ends[0] == 0 and np.isfinite(drawn.points_mm).all())
    if not sound:
        raise CorruptFileError(N_("The regions contradict themselves."))
    study, patient, series = map(str, facts["identity"])
    return Markup(
        kind=str(facts["kind"]),
        names={int(region): str(label) for region, label in facts["names"]},
        series=tuple(map(str, facts["series"])),
        frame_of_reference=str(facts["frame"]),
        drawn=drawn,
        identity=Identity(study, patient, series),
        issues=tuple(map(unpack_issue, facts["issues"])),
        transfer_syntax=str(facts["transfer_syntax"]),
        sha256=str(facts["sha256"]),
    )


def pack_issue(issue: Issue) -> dict[str, object]:
    """A finding as plain facts."""
    return {
        "code": issue.code,
        "severity": issue.severity.value,
        "message": [issue.message.template, dict(issue.message.values)],
        "hint": [issue.hint.template, dict(issue.hint.values)],
        "measured": issue.measured,
        "limit": issue.limit,
    }


def unpack_issue(facts: Mapping[str, Any]) -> Issue:
    """The finding that `pack_issue` packed."""
    return Issue(
        code=str(facts["code"]),
        severity=Severity(facts["severity"]),
        message=Message(*facts["message"]),
        hint=Message(*facts["hint"]),
        measured=facts["measured"],
        limit=facts["limit"],
    )
