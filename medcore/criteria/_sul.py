"""From SUV by body weight to SUL by lean body mass."""

from __future__ import annotations

from medcore.errors import N_, HistoryError

FEMALE, MALE = "F", "M"


def lean_mass_james_kg(weight_kg: float, height_cm: float, sex: str) -> float:
    """Lean body mass after James 1976: M 1.10 W − 128 (W/H)², F 1.07 W − 148 (W/H)², H in cm.

    >>> round(lean_mass_james_kg(70, 175, "M"), 2), round(lean_mass_james_kg(70, 175, "F"), 2)
    (56.52, 51.22)
    """
    slope, bend = (1.07, 148.0) if _sex(sex) == FEMALE else (1.10, 128.0)
    return slope * weight_kg - bend * (weight_kg / height_cm) ** 2


def lean_mass_janmahasatian_kg(weight_kg: float, height_cm: float, sex: str) -> float:
    """Lean body mass after Janmahasatian 2005, which stays positive in the obese.

    >>> round(lean_mass_janmahasatian_kg(70, 175, "M"), 3), round(lean_mass_janmahasatian_kg(70, 175, "F"), 3)
    (55.857, 45.197)
    """
    index = weight_kg / (height_cm / 100) ** 2
    constant, slope = (8780.0, 244.0) if _sex(sex) == FEMALE else (6680.0, 216.0)
    return 9270.0 * weight_kg / (constant + slope * index)


def body_surface_m2(weight_kg: float, height_cm: float) -> float:
    """Body surface area after Du Bois 1916.

    >>> round(body_surface_m2(70, 175), 4)
    1.8481
    """
    return float(0.007184 * weight_kg**0.425 * height_cm**0.725)


def sul(suv_body_weight: float, *, weight_kg: float, height_cm: float, sex: str) -> float:
    """SUV by lean body mass (Janmahasatian) from SUV by body weight."""
    return suv_body_weight * lean_mass_janmahasatian_kg(weight_kg, height_cm, sex) / weight_kg


def _sex(sex: str) -> str:
    letter = sex.strip().upper()[:1]
    if letter not in {FEMALE, MALE}:
        raise HistoryError(
            N_("The lean body mass needs the sex as F or M, not “{sex}”."),
            hint=N_("The formulas know only these two."),
            sex=sex,
        )
    return letter
