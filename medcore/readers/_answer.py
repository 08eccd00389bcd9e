"""Scans as plain facts and arrays, to cross from the decoding child to the app, and back into checked records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np

from medcore.errors import Message
from medcore.readers import Identity, Scan
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
        "issues": [_pack_issue(issue) for issue in scan.issues],
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
    return Scan(volume, Identity(study, patient, series), tuple(map(_unpack_issue, facts["issues"])))


def _pack_issue(issue: Issue) -> dict[str, object]:
    return {
        "code": issue.code,
        "severity": issue.severity.value,
        "message": [issue.message.template, dict(issue.message.values)],
        "hint": [issue.hint.template, dict(issue.hint.values)],
        "measured": issue.measured,
        "limit": issue.limit,
    }


def _unpack_issue(facts: Mapping[str, Any]) -> Issue:
    return Issue(
        code=str(facts["code"]),
        severity=Severity(facts["severity"]),
        message=Message(*facts["message"]),
        hint=Message(*facts["hint"]),
        measured=facts["measured"],
        limit=facts["limit"],
    )
