"""Every step of the catalogue, and recipes as a whole: checked before work, repeatable to the bit, watched."""

from dataclasses import replace

import numpy as np
import pytest

from medcore.errors import Message, RecipeError, UnfitInputError
from medcore.imaging.phantoms.golden import golden
from medcore.imaging.preparing import apply_recipe, part_for_preview, validated
from medcore.imaging.presets import PRESETS, presets_for
from medcore.imaging.steps import Step, load_steps
from medcore.recipes import Recipe, RecipeStep, as_toml, parsed
from medcore.volume import Geometry, Scale, Unit, Volume

STEPS = load_steps()


def recipe(*names: str) -> Recipe:
    return Recipe(tuple(RecipeStep(name) for name in names))


@pytest.fixture(scope="module")
def scan() -> Volume:
    return replace(golden("oblique", (6.0, 3.0, 3.0)).volume, modality="MR", sha256="a" * 64)


@pytest.mark.parametrize(("name", "step"), STEPS.items())
def test_a_step_describes_itself_so_that_a_page_can_show_it(name: str, step: Step) -> None:
    assert step.title and step.summary.endswith(".")
    assert step.speed > 0
    assert len({p.id for p in step.parameters}) == len(step.parameters)
    for parameter in step.parameters:
        assert parameter.id.isidentifier()
        assert parameter.id not in {"step", "version", "settings"}
        assert parameter.checked(parameter.default, step=name) == parameter.default
        if isinstance(parameter.default, int | float) and not isinstance(parameter.default, bool):
            assert parameter.low < parameter.high
            assert parameter.step > 0


@pytest.mark.parametrize("name", STEPS)
def test_a_step_gives_a_sound_volume_the_same_bits_twice_and_leaves_its_input_alone(name: str, scan: Volume) -> None:
    before = scan.voxels.copy()
    first, second = (apply_recipe(recipe(name), scan) for _ in range(2))
    np.testing.assert_array_equal(scan.voxels, before)
    assert first.volume.sha256 == second.volume.sha256
    assert np.isfinite(first.volume.voxels).all()
    assert first.volume.voxels.dtype in (scan.voxels.dtype, np.float32)
    kept = first.volume
    assert (kept.modality, kept.acquired_on, kept.synthetic) == (scan.modality, scan.acquired_on, True)


@pytest.mark.parametrize("name", STEPS)
def test_a_step_takes_a_single_picture_or_says_why_not(name: str) -> None:
    grey = np.random.default_rng(3).integers(0, 255, (1, 70, 50), dtype=np.uint8)
    picture = Volume(grey, Unit.GREY, "", Geometry.pixels())
    if STEPS[name].refusal(picture) is None:
        assert apply_recipe(recipe(name), picture).volume.geometry.scale is Scale.NONE
    else:
        with pytest.raises(UnfitInputError) as refused:
            apply_recipe(recipe(name), picture)
        assert refused.value.hint.text()


@pytest.mark.parametrize("name", STEPS)
def test_masks_come_out_on_the_grid_of_the_result(name: str) -> None:
    phantom = golden("axial", (6.0, 3.0, 3.0))
    done = apply_recipe(recipe(name), replace(phantom.volume, modality="MR"), masks=(phantom.mask,))
    (mask,) = done.masks
    assert mask.labels.shape == done.volume.shape
    assert mask.geometry.close_to(done.volume.geometry)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.id)
def test_a_preset_is_in_order_and_fits_its_modalities(preset) -> None:  # type: ignore[no-untyped-def]
    whole = validated(preset.recipe)
    assert validated(parsed(as_toml(whole))) == whole
    for modality in preset.modalities or ("CT",):
        volume = golden("axial", (12.0, 6.0, 6.0), modality="CT" if modality == "CT" else "MR").volume
        assert apply_recipe(whole, replace(volume, modality=modality)).volume.shape[0] > 0
        assert preset in presets_for(modality)


def test_what_is_left_out_takes_its_default_and_the_hash_says_the_same() -> None:
    short, written = Recipe((RecipeStep("gamma"),)), Recipe((RecipeStep("gamma", {"gamma": 0.8}, 1),))
    assert validated(short) == written
    assert validated(short).sha256 == written.sha256


def test_an_unknown_step_or_setting_and_a_changed_step_are_named() -> None:
    with pytest.raises(RecipeError, match="no step “sharpest”") as unknown:
        validated(recipe("gamma", "sharpest"))
    assert "sharpen" in unknown.value.hint.text()
    with pytest.raises(RecipeError, match="gamma has no setting “gama”"):
        validated(Recipe((RecipeStep("gamma", {"gama": 1.0}),)))
    with pytest.raises(RecipeError, match="version 99"):
        validated(Recipe((RecipeStep("gamma", {}, 99),)))
    with pytest.raises(RecipeError, match=r"gamma cannot be “77\.0”"):
        validated(Recipe((RecipeStep("gamma", {"gamma": 77.0}),)))


def test_the_wrong_modality_is_refused_before_any_work(scan: Volume) -> None:
    told: list[float] = []
    with pytest.raises(UnfitInputError, match="made for MR, not for CT"):
        apply_recipe(
            recipe("gamma", "n4"), replace(scan, modality="CT"), progress=lambda share, stage: told.append(share)
        )
    assert told == []


def test_colour_is_taken_after_the_step_that_makes_it_grey() -> None:
    picture = Volume(np.zeros((1, 40, 40, 3), np.uint8), Unit.RGB, "", Geometry.pixels())
    with pytest.raises(UnfitInputError, match="Colour to grey"):
        apply_recipe(recipe("resize", "gamma"), picture)
    assert apply_recipe(recipe("resize", "grey", "gamma"), picture).volume.unit is Unit.GREY


def test_the_empty_recipe_changes_nothing(scan: Volume) -> None:
    done = apply_recipe(Recipe(), scan)
    np.testing.assert_array_equal(done.volume.voxels, scan.voxels)
    assert done.notes == ()


def test_provenance_says_what_was_done_to_what(scan: Volume) -> None:
    made = apply_recipe(recipe("gamma"), scan).provenance
    assert made.source_sha256 == scan.sha256
    assert made.recipe.steps[0].settings == {"gamma": 0.8}
    assert {"MedCore", "SimpleITK", "scikit-image"} <= set(made.software)


def test_progress_grows_through_the_steps_and_names_them(scan: Volume) -> None:
    told: list[tuple[float, Message]] = []
    apply_recipe(recipe("clahe", "denoise_median"), scan, progress=lambda share, stage: told.append((share, stage)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] > 0.9
    assert {stage.text() for _, stage in told} == {"1/2 CLAHE", "2/2 Denoise: median"}


def test_a_fast_recipe_is_previewed_on_the_whole_scan(scan: Volume) -> None:
    assert part_for_preview(validated(recipe("gamma")), scan).whole


def test_a_slow_recipe_is_previewed_on_the_slices_around_the_one_wanted() -> None:
    voxels = np.zeros((40, 256, 256), np.int16)
    large = Volume(
        voxels + np.arange(40, dtype=np.int16)[:, None, None], Unit.GREY, "MR", Geometry.from_spacing((3, 1, 1))
    )
    crop = RecipeStep("crop", {"slices_start": 9, "rows_start": 5})
    slow = validated(Recipe((*recipe("denoise_nonlocal").steps, crop)))
    part = part_for_preview(slow, large, at=38)
    assert not part.whole
    assert part.volume.voxels[-1, 0, 0] == 39  # as near to the end as it goes
    assert part.volume.voxels[0, 0, 0] == part.first
    place = part.volume.geometry.to_lps(np.zeros(3))
    np.testing.assert_allclose(place, large.geometry.to_lps(np.array([part.first, 0, 0])))
    assert part.recipe.steps[1].settings["slices_start"] == 0
    assert part.recipe.steps[1].settings["rows_start"] == 5


def test_a_large_radiograph_is_previewed_with_coarser_pixels_in_the_same_place() -> None:
    large = Volume(
        np.zeros((1, 2000, 1500), np.uint16),
        Unit.GREY,
        "DX",
        Geometry.from_spacing((1, 0.2, 0.2), scale=Scale.DETECTOR),
    )
    part = part_for_preview(validated(recipe("denoise_nonlocal", "crop")), large)
    assert part.volume.voxels.size < 500_000
    ends = np.array([[-0.5, -0.5, -0.5], [0.5, 1999.5, 1499.5]])
    small = np.array([[-0.5, -0.5, -0.5], [0.5, part.volume.shape[1] - 0.5, part.volume.shape[2] - 0.5]])
    np.testing.assert_allclose(part.volume.geometry.to_lps(small), large.geometry.to_lps(ends), atol=1e-6)


@pytest.mark.slow
def test_a_real_brain_is_prepared_with_its_geometry_kept(shared_data) -> None:  # type: ignore[no-untyped-def]
    import SimpleITK as sitk  # noqa: N813

    from medcore.imaging.itk import to_geometry, to_voxels

    image = sitk.ReadImage(str(shared_data / "pyradiomics" / "brain1_image.nrrd"))
    geometry = to_geometry(image, Geometry.from_spacing((1, 1, 1)))
    brain = Volume(to_voxels(image), Unit.GREY, "MR", geometry)
    done = apply_recipe(recipe("n4", "zscore"), brain)
    assert done.volume.geometry.close_to(geometry)
    assert done.volume.voxels.std() == pytest.approx(1, abs=0.02)
