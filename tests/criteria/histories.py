"""Random histories for the oracles, and the same histories as medcore's records."""

from datetime import date, timedelta
from random import Random

from medcore.records import LesionReading, LesionRole, LesionStatus, Timepoint

FIRST_DAY = date(2024, 1, 1)


def random_history(seed: int, *, nodes: bool = True, others: bool = True) -> tuple[list[list[dict]], list[int]]:  # type: ignore[type-arg]
    """Visits as rows in tenths and the day of each; sizes on a coarse grid, so that thresholds are met exactly."""
    rng = Random(seed)
    lesions = [
        {"lesion": f"T{k}", "role": "target", "node": nodes and rng.random() < 0.3}
        for k in range(rng.choice([1, 1, 2, 3]))
    ]
    if others:
        lesions += [{"lesion": f"N{k}", "role": "nontarget", "node": False} for k in range(rng.choice([0, 0, 1, 2]))]
    sizes = {x["lesion"]: rng.choice([100, 150, 200, 250, 300, 500]) for x in lesions}
    visits, days, day = [], [], 0
    for index in range(rng.randint(2, 6)):
        if index and others and rng.random() < 0.12:
            fresh = {"lesion": f"X{index}", "role": "new", "node": False}
            lesions.append(fresh)
            sizes[fresh["lesion"]] = rng.choice([60, 100, 150])
        visits.append([_row(rng, lesion, sizes, first=index == 0) for lesion in lesions])
        days.append(day)
        day += rng.choice([14, 28, 42, 42, 56, 70])
    return visits, days


def _row(rng: Random, lesion: dict, sizes: dict[str, int], *, first: bool) -> dict:  # type: ignore[type-arg]
    name = lesion["lesion"]
    if not first:
        step = rng.choice([-300, -100, -50, -30, -20, 0, 0, 10, 20, 30, 50, 60, 100])
        factor = rng.choice([None, None, 0.7, 1.2, 0.5, 1.25])
        sizes[name] = max(0, sizes[name] + step) if factor is None else int(sizes[name] * factor)
    status = "measured"
    if not first:
        chance = rng.random()
        if chance < 0.05:
            status = "not_assessed"
        elif chance < 0.10:
            status = "too_small"
        elif chance < 0.16 or sizes[name] == 0:
            status = "absent"
        elif chance < 0.19 and lesion["role"] == "nontarget":
            status = "unequivocal_progression"
    size = sizes[name] if status in {"measured", "unequivocal_progression"} else None
    across = None if size is None else rng.choice([size, max(size // 2, 10)])
    return {
        **lesion,
        "status": status,
        "longest": size,
        "short": size,
        "perpendicular": across,
        "volume": size,
        "suv": size,
        "hu": None if size is None else rng.choice([40, 60, 68, 80, 80, 100]),
    }


def as_timepoints(visits: list[list[dict]], days: list[int]) -> list[Timepoint]:  # type: ignore[type-arg]
    """The history as medcore reads it."""
    return [
        Timepoint(f"visit {index}", FIRST_DAY + timedelta(days=day), tuple(map(reading, visit)))
        for index, (visit, day) in enumerate(zip(visits, days, strict=True))
    ]


def reading(row: dict) -> LesionReading:  # type: ignore[type-arg]
    """One row as a record, tenths as floats."""

    def tenths(column: str) -> float | None:
        return None if row.get(column) is None else row[column] / 10

    return LesionReading(
        row["lesion"],
        LesionRole(row["role"]),
        LesionStatus(row["status"]),
        node=bool(row.get("node")),
        longest_mm=tenths("longest"),
        short_axis_mm=tenths("short"),
        perpendicular_mm=tenths("perpendicular"),
        volume_ml=tenths("volume"),
        suv_peak=tenths("suv"),
        hu_mean=row.get("hu"),
        enhancing=row.get("enhancing", True),
    )


def series(sums: list[float], *, gap_days: int = 42, **fields: object) -> list[Timepoint]:
    """One target whose every size is the given number, at visits `gap_days` apart; None is not assessed."""
    visits = []
    for index, size in enumerate(sums):
        sizes = dict.fromkeys(("longest_mm", "short_axis_mm", "perpendicular_mm", "volume_ml", "suv_peak"), size)
        lesion = LesionReading("T1", LesionRole.TARGET, **{**sizes, **fields})  # type: ignore[arg-type]
        visits.append(Timepoint(f"visit {index}", FIRST_DAY + timedelta(days=gap_days * index), (lesion,)))
    return visits
