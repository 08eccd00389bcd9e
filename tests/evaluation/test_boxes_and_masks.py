"""Boxes and masks agree with hand counts and with COCO's and MONAI's own programs where these are installed."""

import contextlib
import io

import numpy as np
import pytest

from medcore.evaluation.boxes import BoxAnswers, average_precision, froc, hit_by_centre, match, overlap
from medcore.evaluation.masks import bland_altman, dice, mask_figures


def scene(images: int = 30, seed: int = 0) -> BoxAnswers:
    """Some drawn boxes, found with a jitter, beside false ones."""
    random = np.random.default_rng(seed)
    drawn, found, score = [], [], []
    for _ in range(images):
        corner = random.uniform(0, 80, (random.integers(0, 4), 2))
        boxes = np.concatenate([corner, corner + random.uniform(8, 30, corner.shape)], axis=1)
        near = boxes[random.random(len(boxes)) < 0.8]
        near = near + random.normal(0, 2.5, near.shape)
        other = random.uniform(0, 80, (random.integers(0, 4), 2))
        every = np.concatenate([near, np.concatenate([other, other + random.uniform(8, 30, other.shape)], axis=1)])
        drawn.append(boxes)
        found.append(every)
        score.append(np.concatenate([random.uniform(0.3, 1, len(near)), random.uniform(0, 0.7, len(other))]))
    return BoxAnswers(drawn, found, score, np.arange(images))


def test_overlap_by_hand() -> None:
    assert overlap(np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 1, 3, 3], [5, 5, 6, 6]])).tolist() == [[1 / 7, 0]]


def test_a_drawn_box_is_found_once() -> None:
    drawn = np.array([[0.0, 0, 10, 10]])
    found = np.array([[0.0, 0, 10, 9], [0.0, 0, 10, 10]])
    assert match(drawn, found, np.array([0.5, 0.9]), iou=0.5).tolist() == [False, True]


def test_average_precision_agrees_with_pycocotools() -> None:
    coco, evaluator = pytest.importorskip("pycocotools.coco"), pytest.importorskip("pycocotools.cocoeval")
    a = scene()

    def wide(b: np.ndarray) -> list[float]:
        return [float(b[1]), float(b[0]), float(b[3] - b[1]), float(b[2] - b[0])]

    truth = [
        {"id": 1 + 100 * i + j, "image_id": i, "category_id": 1, "iscrowd": 0, "bbox": wide(b), "area": 1e3}
        for i, boxes in enumerate(a.drawn)
        for j, b in enumerate(boxes)
    ]
    found = [
        {"image_id": i, "category_id": 1, "bbox": wide(b), "score": float(s)}
        for i, (boxes, scores) in enumerate(zip(a.found, a.score, strict=True))
        for b, s in zip(boxes, scores, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        book = coco.COCO()
        book.dataset = {
            "images": [{"id": i} for i in range(len(a.drawn))],
            "annotations": truth,
            "categories": [{"id": 1}],
        }
        book.createIndex()
        judge = evaluator.COCOeval(book, book.loadRes(found), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    assert average_precision(a, rounds=20).value == pytest.approx(judge.stats[1], abs=1e-6)


def test_perfect_boxes_and_no_boxes() -> None:
    a = scene()
    perfect = BoxAnswers(a.drawn, a.drawn, [np.ones(len(d)) for d in a.drawn], a.group)
    none = BoxAnswers(a.drawn, [np.empty((0, 4))] * 30, [np.empty(0)] * 30, a.group)
    assert average_precision(perfect, rounds=10).value == 1
    assert average_precision(none, rounds=10).value == 0
    assert froc(perfect, rounds=10).mean.value == 1
    assert froc(none, rounds=10).mean.value == 0


def test_froc_by_hand() -> None:
    drawn = [np.array([[0.0, 0, 10, 10]]), np.array([[0.0, 0, 10, 10]])]
    found = [np.array([[50.0, 50, 60, 60], [1, 1, 9, 9]]), np.array([[2.0, 2, 8, 8]])]
    a = BoxAnswers(drawn, found, [np.array([0.9, 0.8]), np.array([0.95])], np.arange(2))
    curve = froc(a, rounds=10)
    by_rate = dict(zip(curve.false_per_image, (e.value for e in curve.sensitivity), strict=True))
    assert by_rate[0.25] == 0.5  # no false box yet: only the second image's
    assert by_rate[0.5] == 1.0  # one false box in two images


@pytest.mark.slow  # MONAI takes seconds to import
def test_froc_agrees_with_monai() -> None:
    metrics = pytest.importorskip("monai.metrics")
    a = scene(40, seed=3)
    curve = froc(a, rounds=5)
    owner = [hit_by_centre(d, f) for d, f in zip(a.drawn, a.found, strict=True)]
    false = np.concatenate([s[o < 0] for o, s in zip(owner, a.score, strict=True)])
    best = [max(s[o == j], default=0.0) for o, s, d in zip(owner, a.score, a.drawn, strict=True) for j in range(len(d))]
    per_image, sensitivity = metrics.compute_froc_curve_data(
        false, np.array([b for b in best if b > 0]), len(best), len(a.drawn)
    )
    mean = metrics.compute_froc_score(per_image, sensitivity, eval_thresholds=curve.false_per_image)
    assert curve.mean.value == pytest.approx(float(mean), abs=0.03)  # MONAI interpolates between its points


def balls() -> tuple[np.ndarray, np.ndarray]:
    z, y, x = np.indices((20, 40, 40))
    first = (z - 10) ** 2 * 4 + (y - 20) ** 2 + (x - 20) ** 2 < 100
    return first, (z - 11) ** 2 * 4 + (y - 22) ** 2 + (x - 19) ** 2 < 80


@pytest.mark.slow  # MONAI takes seconds to import
def test_masks_agree_with_monai() -> None:
    torch, metrics = pytest.importorskip("torch"), pytest.importorskip("monai.metrics")
    truth, found = balls()
    ours = mask_figures(truth, found, (2.0, 1.0, 1.0), tolerance_mm=1.0)
    t, f = (torch.from_numpy(m[None, None]) for m in (truth, found))
    assert ours.dice == pytest.approx(float(metrics.compute_dice(f, t)))
    hd = metrics.compute_hausdorff_distance(f, t, percentile=95, spacing=(2.0, 1.0, 1.0), include_background=True)
    assert ours.hd95_mm == pytest.approx(float(hd))
    nsd = metrics.compute_surface_dice(f, t, [1.0], spacing=(2.0, 1.0, 1.0), include_background=True)
    assert ours.surface_dice == pytest.approx(float(nsd), abs=1e-4)


def test_finer_voxels_and_a_mirror_leave_the_figures_as_they_are() -> None:
    truth, found = balls()
    plain = mask_figures(truth, found, (2.0, 1.0, 1.0))
    mirrored = mask_figures(truth[:, ::-1], found[:, ::-1], (2.0, 1.0, 1.0))
    assert plain == mirrored
    fine = mask_figures(truth.repeat(2, 1), found.repeat(2, 1), (2.0, 0.5, 1.0))
    assert fine.dice == pytest.approx(plain.dice)
    assert fine.volume_error_ml == pytest.approx(plain.volume_error_ml)


def test_empty_masks() -> None:
    empty, one = np.zeros((1, 8, 8), bool), np.zeros((1, 8, 8), bool)
    one[0, 2:4, 2:4] = True
    assert dice(empty, empty) == 1
    figures = mask_figures(empty, one, (1.0, 1.0, 1.0))
    assert figures.dice == 0
    assert figures.hd95_mm == np.inf
    assert figures.volume_error_ml == pytest.approx(0.004)


def test_bland_altman_by_hand() -> None:
    found = bland_altman(np.array([1.0, 2, 3]), np.array([0.0, 2, 4]), np.arange(3))
    assert found.bias.value == 0
    assert found.upper == pytest.approx(1.96)
