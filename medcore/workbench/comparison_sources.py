"""What models found in a scan as lesions of a comparison: masks of their results, as readers corrected them."""

from __future__ import annotations

from collections.abc import Sequence

from medcore.comparison.visits import Outlined
from medcore.errors import N_, Message, Value
from medcore.predictions import Classification, Detection, Prediction
from medcore.records import Issue, Severity
from medcore.store.store import Store
from medcore.volume import Mask
from medcore.workbench.comparison_models import outlined_by
from medcore.workbench.corrections import ResultCorrections


def has_mask(prediction: Prediction) -> bool:
    """Whether a result outlines what it found."""
    return not isinstance(prediction, Classification) and prediction.mask is not None


def boxes_only(prediction: Prediction) -> bool:
    """Whether a result says where something is, but not where it ends: a box has no border that could be measured."""
    return isinstance(prediction, Detection) and prediction.mask is None and bool(prediction.boxes)


def corrected_mask(store: Store, run: str) -> Mask:
    """The mask of a result without what readers rejected and with what they drew.

    Raises:
        NotFoundError: There is no such result any more.
    """
    mask = ResultCorrections(store).review(store.prediction(run)).mask
    assert mask is not None, "only results with a mask are offered"
    return mask


def outlined_in(store: Store, sources: Sequence[str], prefix: str) -> tuple[Outlined, ...]:
    """How sure the models among the sources were of what they outlined; what readers redrew since is left as it is."""
    runs = [one.removeprefix(prefix) for one in sources if one.startswith(prefix)]
    return tuple(one for run in runs for one in outlined_by(store.prediction(run)))


def model_doubts(store: Store, sources: Sequence[Sequence[str]], prefix: str) -> tuple[Issue, ...]:
    """What spoke against the models' results that a comparison counts, such as lungs seen in part; study by study."""
    found = []
    for number, own in enumerate(sources):
        for run in (one.removeprefix(prefix) for one in own if one.startswith(prefix)):
            for issue in store.prediction(run).run.warnings:
                if issue.severity is Severity.INFO:
                    continue
                said: dict[str, Value] = {**issue.message.values, "visit": number, "doubt": issue.message.template}
                message = Message(N_("T{visit}, result of a model: {doubt!t}"), said)
                found.append(Issue(issue.code, Severity.WARN, message, issue.hint))
    return tuple(found)


def correction_version(store: Store, run: str) -> int:
    """Another number after each correction of the result."""
    return store.corrections.latest(run)
