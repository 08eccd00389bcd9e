"""The verb `models add`: published weights that were downloaded become a model that MedCore runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medcore.errors import N_, NotFoundError
from medcore.settings import ROOT, Settings
from medcore.shell.output import AsJson, print_json, print_line, t

TEMPLATES = ROOT / "docs" / "published"


def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help=t("A template in docs/published."))],
    file: Annotated[Path, typer.Argument(metavar="FILE", help=t("The downloaded bundle or weight file."))],
    *,
    as_json: AsJson = False,
) -> None:
    """Check a download against its published sum, convert it to safetensors, and write its card."""
    known = sorted(path.parent.name for path in TEMPLATES.glob("*/card.toml"))
    if name not in known:
        raise NotFoundError(
            N_("There is no template “{name}”."), hint=N_("Known: {known}."), name=name, known=", ".join(known) or "–"
        )
    from medcore.nn.published import install_published  # torch: only when asked

    folder = install_published(TEMPLATES / name, file, Settings.from_environment().models_dir)
    if as_json:
        print_json({"model": folder.name})
    else:
        print_line(t("Added: {model}", model=folder.name))
