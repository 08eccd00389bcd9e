"""What speaks against comparing two scans, each with its consequence."""

from __future__ import annotations

from collections.abc import Sequence

from medcore.errors import N_, Message, Value
from medcore.imaging.registration.alignment import Alignment, Method
from medcore.records import Issue, Severity
from medcore.volume import Scale, Volume

THICKNESS_RATIO = 1.5  # of slice spacing, above which partial volume alone changes a diameter
SHARED = 0.7  # of the baseline that a later scan must show


def doubts_about(
    scans: Sequence[Volume], alignments: Sequence[Alignment], *, accepted: bool = False
) -> tuple[Issue, ...]:
    """All doubts, the worst first.

    Args:
        accepted: A reader looked at the alignments and takes them: doubts about them warn instead of blocking.
    """
    found: list[Issue] = []
    baseline = scans[0]
    for number, (scan, alignment) in enumerate(zip(scans[1:], alignments, strict=True), start=2):
        found += _of_alignment(number, alignment, accepted=accepted)
        found += _of_contrast(number, baseline, scan, alignment)
        found += _of_coverage(number, alignment)
        found += _of_sampling(number, baseline, scan)
    found += _of_scale(scans)
    return tuple(sorted(found, key=lambda issue: list(Severity).index(issue.severity), reverse=True))


def placeholder_spacing(scan: Volume) -> bool:
    """Whether a header says 1 × 1 × 1 mm only because nobody wrote the true spacing."""
    return scan.placeholder_spacing


def _of_alignment(number: int, alignment: Alignment, *, accepted: bool) -> list[Issue]:
    severity = Severity.WARN if accepted else Severity.BLOCK
    hint = N_("Study {number} is not safely on the baseline. Look at both; accept it or correct it to get a response.")
    return [
        Issue("alignment_doubtful", severity, doubt, Message(hint, {"number": number}))
        for doubt in alignment.trust.doubts
    ]


def _of_coverage(number: int, alignment: Alignment) -> list[Issue]:
    shown = alignment.trust.overlap
    if shown >= SHARED:
        return []
    text = N_("Study {number} shows only {percent:.0f} % of the body part that the baseline shows.")
    hint = N_("A lesion outside it counts as not assessed, never as gone; totals of both are not comparable.")
    return [_issue("partial_coverage", Severity.WARN, text, hint, number=number, percent=100 * shown)]


def _of_contrast(number: int, baseline: Volume, scan: Volume, alignment: Alignment) -> list[Issue]:
    found = []
    if alignment.method is Method.MUTUAL_INFORMATION and baseline.modality == scan.modality:
        text = N_("Study {number} has another contrast than the baseline (sequence, phase or contrast agent).")
        hint = N_("A border may lie elsewhere without any change of the lesion; compare the same sequence or phase.")
        found.append(_issue("contrast_differs", Severity.WARN, text, hint, number=number))
    if baseline.modality != scan.modality:
        found.append(
            _issue(
                "modality_differs",
                Severity.WARN,
                N_("The baseline is {first}, study {number} is {second}."),
                N_("Sizes in different modalities differ without any change of the lesion; compare like with like."),
                number=number,
                first=baseline.modality or "?",
                second=scan.modality or "?",
            )
        )
    if _agent(baseline) != _agent(scan) and baseline.modality == scan.modality:
        text = N_("Only one of the baseline and study {number} names a contrast agent in its header.")
        hint = N_("What takes up contrast looks larger and denser with it; compare the same phase, or measure again.")
        found.append(_issue("contrast_agent_differs", Severity.WARN, text, hint, number=number))
    kernels = [one.facts.get("kernel", "") for one in (baseline, scan)]
    if all(kernels) and kernels[0] != kernels[1]:
        found.append(
            _issue(
                "kernel_differs",
                Severity.WARN,
                N_("Study {number} was reconstructed with another kernel than the baseline."),
                N_("Edges and densities shift with the kernel; small changes may come from it alone."),
                number=number,
            )
        )
    return found


def _of_sampling(number: int, baseline: Volume, scan: Volume) -> list[Issue]:
    first, second = baseline.geometry.steps[0], scan.geometry.steps[0]
    if baseline.shape[0] == 1:
        return []
    if max(first, second) / min(first, second) < THICKNESS_RATIO:
        return _of_thickness(number, baseline, scan)
    return [
        _issue(
            "slice_spacing_differs",
            Severity.WARN,
            N_("Slices of the baseline are {first:.2f} mm apart, those of study {number} {second:.2f} mm."),
            N_("Measure in the plane of the slices and expect one slice of error in height and volume."),
            number=number,
            first=first,
            second=second,
        )
    ]


def _of_thickness(number: int, baseline: Volume, scan: Volume) -> list[Issue]:
    """Slices as far apart, but as thick only in one of them: those of the other lie apart or overlap."""
    first, second = (_number(one.facts.get("slice_thickness_mm", "")) for one in (baseline, scan))
    if not first or not second or max(first, second) / min(first, second) < THICKNESS_RATIO:
        return []
    text = N_("Slices of the baseline are {first:.2f} mm thick, those of study {number} {second:.2f} mm.")
    hint = N_("Thick slices blur borders and hide small lesions; a small change may come from that alone.")
    return [
        _issue("slice_thickness_differs", Severity.WARN, text, hint, number=number, first=first, second=second)
    ]  # fmt: skip


def _agent(scan: Volume) -> bool:
    """Whether the header names a contrast agent."""
    return scan.facts.get("contrast_agent") == "yes"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _of_scale(scans: Sequence[Volume]) -> list[Issue]:
    bare = [number for number, one in enumerate(scans, start=1) if one.geometry.scale is Scale.NONE]
    false = [number for number, one in enumerate(scans, start=1) if placeholder_spacing(one)]
    found = []
    if bare:
        found.append(
            _issue(
                "no_scale",
                Severity.WARN,
                N_("Study {number} carries no physical scale: only relative change can be told."),
                N_("Use the original DICOM files to get millimetres."),
                number=bare[0],
            )
        )
    if false:
        found.append(
            _issue(
                "placeholder_spacing",
                Severity.WARN,
                N_("Study {number} says voxels of 1 × 1 × 1 mm, which its shape contradicts: mm and ml are untrue."),
                N_("Relative change is true as long as all studies have the same true spacing."),
                number=false[0],
            )
        )
    return found


def _issue(code: str, severity: Severity, text: str, hint: str, **values: Value) -> Issue:
    return Issue(code, severity, Message(text, values), Message(hint, values))
