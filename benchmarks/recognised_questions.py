"""Shows which question pictures without a header are taken for, of each set: test pictures of the shipped models.

python benchmarks/recognised_questions.py [--data FOLDER] [--most N]
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path

from medcore.cards import load_card
from medcore.nn.torch_engine import TorchEngine
from medcore.nn.training.cache import read_case
from medcore.nn.training.evaluate import own_cases, own_recipe
from medcore.nn.training.others import list_others
from medcore.nn.training.sources import Case
from medcore.settings import ROOT, Settings
from medcore.workbench.models import Models
from medcore.workbench.recognition import recognise

MODELS = ("chest-xray-resnet18", "fracture-resnet18", "brain-tumour-unet")
OTHERS = ("hannover_covid", "luna16_patches (CT)")  # never trained on as pictures of these questions


def pictures(data: Path) -> dict[str, list[Case]]:
    """Test pictures by set."""
    found: dict[str, list[Case]] = {}
    for name in MODELS:
        card = load_card(ROOT / "models" / name)
        recipe = own_recipe(card, data, {})
        assert recipe is not None, f"the data sets of {name} are not in {data}"
        for case, source, _ in own_cases(card, recipe, data):
            found.setdefault(source, []).append(case)
        found |= {one.name: list(cases) for one, cases in list_others(card, recipe, data) if one.name in OTHERS}
    return found


def main() -> None:
    """One line a set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--most", type=int, default=150, help="pictures of each set")
    chosen = parser.parse_args()
    models, engine = Models(ROOT / "models"), TorchEngine(Settings(device="cpu"))
    for name, cases in pictures(chosen.data).items():
        some, found, seconds = cases[:: max(1, len(cases) // chosen.most)], Counter[str](), 0.0
        for case in some:
            volume = read_case(case)
            started = time.perf_counter()
            found[recognise(volume, models=models, engine=engine) or "none"] += 1
            seconds += time.perf_counter() - started
        shares = ", ".join(f"{task} {count / len(some):.1%}" for task, count in found.most_common())
        print(f"{name:20s} {len(some):4d} pictures, {1000 * seconds / len(some):.0f} ms each: {shares}")


if __name__ == "__main__":
    main()
