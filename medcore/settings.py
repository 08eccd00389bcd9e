"""Settings: one frozen record read from MEDCORE_* variables; an unknown MEDCORE_* name is an error."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from medcore.errors import N_, SettingsError

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "MEDCORE_"
DATES = ("keep", "shift", "drop")


@dataclass(frozen=True, slots=True)
class Settings:
    """How this installation behaves. The variable for `data_dir` is MEDCORE_DATA_DIR, and so on."""

    data_dir: Path = field(default=ROOT / "data", metadata={"help": "Folder of the study store."})
    database_url: str = field(default="", metadata={"help": "SQLAlchemy URL; empty: SQLite inside data_dir."})
    models_dir: Path = field(default=ROOT / "models", metadata={"help": "Folder of model cards and weights."})
    pictures_dir: Path = field(
        default=ROOT / "data" / "pictures",
        metadata={"help": "Folder of labelled picture sets to train and evaluate on."},
    )
    device: str = field(default="auto", metadata={"help": "auto, cpu, cuda or cuda:N."})
    precision: str = field(
        default="auto", metadata={"help": "auto (bf16 where the card allows it and the GPU has it), float32 or bf16."}
    )
    threads: int = field(default=0, metadata={"help": "CPU threads for one network; 0: half the cores, at least one."})
    model_memory_mb: int = field(default=2048, metadata={"help": "Memory for loaded networks."})
    decode_workers: int = field(default=2, metadata={"help": "Processes that decode uploads."})
    decode_memory_mb: int = field(default=2048, metadata={"help": "Memory limit of one decoding process."})
    decode_seconds: float = field(default=30.0, metadata={"help": "Wall-time limit of decoding one file."})
    max_file_mb: int = field(default=1024, metadata={"help": "Largest file accepted."})
    max_image_megapixels: int = field(default=512, metadata={"help": "Largest image accepted, all frames together."})
    zip_max_entries: int = field(default=20_000, metadata={"help": "Most files in one zip."})
    zip_max_total_mb: int = field(default=4096, metadata={"help": "Most that one zip may unpack to."})
    zip_max_ratio: int = field(default=200, metadata={"help": "Largest compression ratio of one zip entry."})
    language: str = field(default="", metadata={"help": "en or zh_CN; empty: that of the browser or shell."})
    dates: str = field(
        default="keep",
        metadata={"help": "Dates of uploads: keep, shift (by days of each patient's own) or drop.", "choices": DATES},
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Settings from MEDCORE_* variables.

        Raises:
            SettingsError: A MEDCORE_* name is unknown, or a value does not fit.
        """
        environment = os.environ if environment is None else environment
        known = {PREFIX + f.name.upper(): f for f in fields(cls)}
        values: dict[str, object] = {}
        for name, text in environment.items():
            if not name.startswith(PREFIX):
                continue
            if name not in known:
                raise SettingsError(
                    N_("There is no setting {name}."),
                    hint=N_("Known settings: {known}."),
                    name=name,
                    known=", ".join(known),
                )
            choices = known[name].metadata.get("choices")
            if choices and text not in choices:
                raise SettingsError(
                    N_("The setting {name} cannot be “{text}”."),
                    hint=N_("It is one of: {choices}."),
                    name=name,
                    text=text,
                    choices=", ".join(choices),
                )
            values[known[name].name] = _convert(name, text, type(known[name].default))
        return cls(**values)  # type: ignore[arg-type]  # each value has its field's type, by _convert

    @property
    def store_url(self) -> str:
        """The SQLAlchemy URL of the study store."""
        return self.database_url or f"sqlite:///{self.data_dir / 'medcore.db'}"


def _convert(name: str, text: str, kind: type) -> object:
    try:
        value = Path(text).expanduser() if issubclass(kind, Path) else kind(text)  # type: ignore[call-arg]
    except ValueError as error:
        raise SettingsError(
            N_("The setting {name} cannot be “{text}”."), hint=N_("It takes a number."), name=name, text=text
        ) from error
    if isinstance(value, int | float) and not value >= 0:
        raise SettingsError(
            N_("The setting {name} cannot be “{text}”."), hint=N_("It takes a number."), name=name, text=text
        )
    return value
