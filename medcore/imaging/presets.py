"""Recipes to begin with, by modality."""

from __future__ import annotations

from dataclasses import dataclass

from medcore.errors import N_
from medcore.recipes import Recipe, RecipeStep, Setting

RADIOGRAPH = ("DX", "CR", "DR", "RG", "")


@dataclass(frozen=True, slots=True)
class Preset:
    """A recipe with a title, and the modalities it is made for (empty: any; "": a picture)."""

    id: str
    title: str
    modalities: tuple[str, ...]
    recipe: Recipe


def _preset(id_: str, title: str, modalities: tuple[str, ...], *steps: tuple[str, dict[str, Setting]]) -> Preset:
    return Preset(id_, title, modalities, Recipe(tuple(RecipeStep(name, use) for name, use in steps), title))


PRESETS: tuple[Preset, ...] = (
    _preset(
        "chest_xray",
        N_("Chest X-ray: percentile + CLAHE"),
        RADIOGRAPH,
        ("grey", {}),
        ("percentile", {"low": 0.5, "high": 99.5}),
        ("clahe", {"clip_limit": 2.0, "tiles": 8}),
    ),
    _preset(
        "xray_edges",
        N_("X-ray: bones sharper"),
        RADIOGRAPH,
        ("grey", {}),
        ("percentile", {"low": 0.5, "high": 99.5}),
        ("denoise_median", {"radius": 1}),
        ("sharpen", {"radius": 3.0, "amount": 1.5}),
    ),
    _preset(
        "brain_mr",
        N_("Brain MR: N4 + z-score"),
        ("MR",),
        ("n4", {}),
        ("zscore", {"over": "foreground"}),
    ),
    _preset(
        "mr_denoise",
        N_("MR: denoise, 1 mm voxels"),
        ("MR",),
        ("denoise_anisotropic", {}),
        ("resample", {"in_plane": 1.0, "between": 1.0}),
    ),
    _preset("ct_lung", N_("CT lung window"), ("CT",), ("window", {"centre": -600.0, "width": 1500.0})),
    _preset("ct_soft", N_("CT soft tissue window"), ("CT",), ("window", {"centre": 40.0, "width": 400.0})),
    _preset("ct_bone", N_("CT bone window"), ("CT",), ("window", {"centre": 400.0, "width": 1800.0})),
    _preset(
        "ct_isotropic",
        N_("CT: 1 mm voxels, lung window"),
        ("CT",),
        ("resample", {"in_plane": 1.0, "between": 1.0}),
        ("window", {"centre": -600.0, "width": 1500.0}),
    ),
    _preset(
        "network",
        N_("Network input: 224 × 224, 0 to 1"),
        (),
        ("grey", {}),
        ("resize", {"rule": "fit", "rows": 224, "columns": 224}),
        ("percentile", {"low": 0.5, "high": 99.5}),
    ),
)


def presets_for(modality: str) -> tuple[Preset, ...]:
    """Those for a modality, the ones made for it first."""
    fitting = [preset for preset in PRESETS if not preset.modalities or modality in preset.modalities]
    return tuple(sorted(fitting, key=lambda preset: not preset.modalities))
