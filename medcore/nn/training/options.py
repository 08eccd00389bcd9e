"""What a training may be asked for: each option with its default, its range, and a sentence on what it is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

from medcore.errors import N_, CardError

BALANCES = ("source_and_class", "class", "source", "none")
PRECISIONS = ("bf16", "float32")
T = TypeVar("T")


def option(
    default: Any, purpose: str, *, low: float | None = None, high: float | None = None, among: tuple[str, ...] = ()
) -> Any:
    """A field with what it is for and what it may be; `among` lists the texts it takes."""
    return field(default=default, metadata={"purpose": purpose, "low": low, "high": high, "among": among})


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How training pictures are varied, on the device. A strength of 0 leaves a variation out."""

    flip: float = option(0.5, N_("Share of pictures mirrored left to right."), low=0, high=1)
    rotate: float = option(12.0, N_("Largest turn, in degrees: patients do not lie straight."), low=0, high=180)
    scale: float = option(
        0.18, N_("Largest change of size, as a logarithm: distances and bodies differ."), low=0, high=1
    )
    stretch: float = option(0.18, N_("Largest change of the aspect, as a logarithm: bodies differ."), low=0, high=1)
    shift: float = option(0.07, N_("Largest shift, as a share of the side: collimation differs."), low=0, high=0.5)
    elastic: float = option(
        0.0, N_("Strength of soft bending, as a share of the side: anatomy differs."), low=0, high=0.2
    )
    gamma: float = option(0.45, N_("Largest exponent, as a logarithm: films and look-up tables differ."), low=0, high=2)
    contrast: float = option(0.2, N_("Largest change of contrast, as a share: exposures differ."), low=0, high=1)
    brightness: float = option(0.1, N_("Largest change of brightness, as a share: exposures differ."), low=0, high=1)
    window: float = option(
        0.0, N_("Largest cut at either end of the grey scale: readers window differently."), low=0, high=0.4
    )
    curve: float = option(0.0, N_("Strength of a random rising grey curve: makers process differently."), low=0, high=1)
    bias_field: float = option(
        0.0, N_("Strength of a slow shading: coils, grids and heel effect differ."), low=0, high=1
    )
    noise: float = option(0.25, N_("Share of pictures made noisy: doses differ."), low=0, high=1)
    blur: float = option(0.25, N_("Share of pictures blurred: focal spots and motion differ."), low=0, high=1)
    jpeg: float = option(
        0.0, N_("Share of pictures compressed as JPEG: so that its blocks tell nothing."), low=0, high=1
    )
    resolution: float = option(0.0, N_("Share of pictures made coarser: detectors and exports differ."), low=0, high=1)
    erase: float = option(0.5, N_("Share with a greyed-out rectangle: no single marker may decide."), low=0, high=1)


@dataclass(frozen=True, slots=True)
class Options:
    """How the network is trained, beside its sources and stages."""

    weight_decay: float = option(0.05, N_("Pull of the weights towards zero: keeps the network plain."), low=0, high=1)
    label_smoothing: float = option(0.0, N_("Doubt in every label: labels are wrong now and then."), low=0, high=0.5)
    average: float = option(
        0.995, N_("Decay of the running average of weights, which is what ships: it is steadier."), low=0, high=0.99999
    )
    focal: float = option(0.0, N_("Focus on hard pictures (focal loss); 0 is plain cross-entropy."), low=0, high=5)
    mixup: float = option(
        0.0, N_("Blend pairs of pictures and their labels: smoother answers in between."), low=0, high=1
    )
    cutmix: float = option(
        0.0, N_("Paste a part of one picture into another: evidence must be found everywhere."), low=0, high=1
    )
    dropout: float = option(
        0.0, N_("Share of features hidden before the last layer: no feature may be alone."), low=0, high=0.9
    )
    stochastic_depth: float = option(
        0.0, N_("Share of blocks skipped at random: deep networks train steadier."), low=0, high=0.9
    )
    balance: str = option(
        "source_and_class", N_("What is drawn equally often, so that it says nothing about the label."), among=BALANCES
    )
    precision: str = option(
        "bf16", N_("Arithmetic: bf16 is about twice as fast where the processor has it."), among=PRECISIONS
    )
    accumulate: int = option(
        1, N_("Steps whose gradients are added up: large batches on little memory."), low=1, high=256
    )
    clip: float = option(
        5.0, N_("Longest gradient that is taken as it is: one odd batch may not ruin the rest."), low=0, high=1000
    )
    choose: str = option("auc", N_("Validation metric of the best checkpoint, which ships; empty takes the last."))
    patience: int = option(
        0, N_("Epochs without a better checkpoint after which training stops; 0 never stops."), low=0, high=10_000
    )
    views: int = option(
        1, N_("2 averages the answer over the picture and its mirror image: steadier, twice the time."), low=1, high=2
    )
    start_from: str = option(
        "", N_("Model whose trunk is the start, or imagenet: what it learnt need not be learnt again.")
    )
    warm_epochs: int = option(
        0,
        N_("Epochs of a warm start without labels: the trunk learns what stays the same when a picture is varied."),
        low=0,
        high=10_000,
    )
    calibration: str = option(
        "platt",
        N_("How logits become probabilities, on validation pictures."),
        among=("platt", "temperature", "isotonic"),
    )
    calibration_mix: str = option(
        "even",
        N_("The mix that probabilities fit: as many with the finding as without in each set, or as validation has it."),
        among=("even", "validation"),
    )
    operating_point: str = option(
        "youden",
        N_("How the threshold is chosen, on validation pictures."),
        among=("youden", "sensitivity", "specificity"),
    )
    operating_target: float = option(
        0.95, N_("The sensitivity or specificity to keep at the threshold."), low=0, high=1
    )
    coverage: float = option(0.9, N_("Promised share of conformal sets that hold the truth."), low=0.5, high=0.999)


def weakened(options: Augmentation, factor: float) -> Augmentation:
    """The same variations, each `factor` as strong and as frequent; mirroring stays as it is."""
    if factor == 1:
        return options
    return replace(options, **{f.name: factor * getattr(options, f.name) for f in fields(options) if f.name != "flip"})


@dataclass(frozen=True, slots=True)
class Choice:
    """One option, for a form: its name, value, what it is for and what it may be."""

    name: str
    default: str | int | float
    purpose: str
    low: float | None
    high: float | None
    among: tuple[str, ...]


def choices(kind: type[Augmentation] | type[Options]) -> tuple[Choice, ...]:
    """All options of a kind, in reading order."""
    plain = kind()
    return tuple(
        Choice(
            f.name,
            getattr(plain, f.name),
            str(f.metadata["purpose"]),
            f.metadata["low"],
            f.metadata["high"],
            f.metadata["among"],
        )
        for f in fields(kind)
    )


def read_options(kind: type[T], table: Mapping[str, Any], *, path: str, section: str = "") -> T:
    """A record from a TOML table, every value checked.

    Raises:
        CardError: A key is unknown, or a value has the wrong kind or lies outside its range.
    """
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]  # a dataclass by contract
    refuse_unknown(table, tuple(known), path=path, section=section)
    values = {}
    for name, value in table.items():
        wanted = type(known[name].default)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (isinstance(value, wanted) and type(value) is not bool) and not (wanted is float and number):
            raise _wrong(name, value, wanted.__name__, path)
        low, high, among = (known[name].metadata.get(k) for k in ("low", "high", "among"))
        if among and value not in among:
            raise _wrong(name, value, ", ".join(among), path)
        if (low is not None and value < low) or (high is not None and value > high):
            raise _wrong(name, value, f"{low} … {high}", path)
        values[name] = float(value) if wanted is float else value
    return kind(**values)


def refuse_unknown(table: Mapping[str, Any], known: tuple[str, ...], *, path: str, section: str = "") -> None:
    """Raise for the first key that is not known.

    Raises:
        CardError: There is one.
    """
    for name in table:
        if name not in known:
            raise CardError(
                N_("{path}: there is no option “{name}”."),
                hint=N_("Known options here: {known}."),
                path=path,
                name=f"{section}.{name}" if section else name,
                known=", ".join(known),
            )


def _wrong(name: str, value: Any, wanted: str, path: str) -> CardError:
    return CardError(
        N_("{path}: the option “{name}” cannot be {value}."),
        hint=N_("It may be: {wanted}."),
        path=path,
        name=name,
        value=str(value),
        wanted=wanted,
    )
