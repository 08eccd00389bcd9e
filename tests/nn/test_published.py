"""Published weights become a model of ours: the same answers as MONAI's own network, and nothing but tensors read."""

import hashlib
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.apps.detection.networks.retinanet_detector import RetinaNetDetector
from monai.apps.detection.utils.anchor_utils import AnchorGeneratorWithAnchorShape

from medcore.cards import load_card, verify_weights
from medcore.errors import WeightsError
from medcore.nn.networks import load_network
from medcore.nn.published import install_published, renamed
from medcore.nn.torch_engine import TorchEngine
from medcore.settings import ROOT, Settings
from medcore.tasks._nodule_detector import anchor_levels, decode, select_boxes, window_anchors

monai_nets = pytest.importorskip("monai.networks.nets")
retina = pytest.importorskip("monai.apps.detection.networks.retinanet_network")
TEMPLATE = ROOT / "docs" / "published" / "brats-mri-segmentation"
NODULES = ROOT / "docs" / "published" / "lung-nodule-ct-detection"


def theirs() -> torch.nn.Module:
    """MONAI's network as the published bundle builds it, with random weights."""
    torch.manual_seed(0)
    net: torch.nn.Module = monai_nets.SegResNet(
        blocks_down=[1, 2, 2, 4], blocks_up=[1, 1, 1], init_filters=16, in_channels=4, out_channels=3, dropout_prob=0.2
    )
    return net.eval()


def theirs_of_boxes() -> torch.nn.Module:
    """MONAI's detector's network as its bundle for lung nodules builds it, with random weights."""
    torch.manual_seed(0)
    backbone = monai_nets.resnet.resnet50(
        spatial_dims=3, n_input_channels=1, conv1_t_stride=[2, 2, 1], conv1_t_size=[7, 7, 7]
    )
    extractor = retina.resnet_fpn_feature_extractor(backbone, 3, False, [1, 2], None)
    net: torch.nn.Module = retina.RetinaNet(
        spatial_dims=3, num_classes=1, num_anchors=3, feature_extractor=extractor, size_divisible=[16, 16, 8]
    )
    return net.eval()


def template(folder: Path, file: Path, shipped: Path = TEMPLATE) -> Path:
    """A shipped template, whose sums are those of another file."""
    made = folder / "brats"
    made.mkdir(parents=True)
    text = (shipped / "card.toml").read_text(encoding="utf-8")
    head, _, rest = text.partition("sums = [")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    (made / "card.toml").write_text(f'{head}sums = ["sha256:{digest}"]{rest.partition("]")[2]}', encoding="utf-8")
    return made


def test_our_network_with_monais_weights_says_what_monais_says() -> None:
    net = theirs()
    ours = load_network("segresnet").build(channels=4, labels=3).eval()
    ours.load_state_dict(renamed(net.state_dict(), "monai_segresnet", labels=3))
    image = torch.randn(1, 4, 24, 32, 16, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        dense = ours.answer(image)[2]
        torch.testing.assert_close(dense, net(image), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("bundled", [False, True], ids=["weight file", "zip bundle"])
def test_a_published_file_becomes_a_model_that_the_engine_runs(tmp_path: Path, bundled: bool) -> None:
    net, file = theirs(), tmp_path / "model.pt"
    torch.save(net.state_dict(), file)
    if bundled:
        with zipfile.ZipFile(tmp_path / "bundle.zip", "w") as made:
            made.write(file, "brats_mri_segmentation/models/model.pt")
        file = tmp_path / "bundle.zip"
    folder = install_published(template(tmp_path / "template", file), file, tmp_path / "models")
    card = load_card(folder)
    verify_weights(card)
    image = np.random.default_rng(0).normal(size=(1, 4, 16, 16, 16)).astype(np.float32)
    output = TorchEngine(Settings(device="cpu")).run(card, image)
    with torch.inference_mode():
        expected = net(torch.from_numpy(image)).numpy()
    assert output.dense is not None
    np.testing.assert_allclose(output.dense, expected, rtol=1e-4, atol=1e-5)
    assert (output.logits == 0).all(), "the published network has no head for the whole image"


def test_the_published_detector_becomes_a_model_whose_scores_and_boxes_are_monais(tmp_path: Path) -> None:
    net, file = theirs_of_boxes(), tmp_path / "model.pt"
    torch.save(net.state_dict(), file)
    folder = install_published(template(tmp_path / "template", file, NODULES), file, tmp_path / "models")
    card = load_card(folder)
    verify_weights(card)
    image = np.random.default_rng(0).random((1, 1, 32, 32, 16)).astype(np.float32)
    dense = TorchEngine(Settings(device="cpu")).run(card, image).dense
    assert dense is not None
    anchors = window_anchors(image.shape[2:])
    logits, boxes = decode(dense[0], anchors)

    detector = RetinaNetDetector(net, AnchorGeneratorWithAnchorShape((1, 2, 4), ((6, 8, 4), (8, 6, 5), (10, 10, 6))))
    detector.eval()
    with torch.inference_mode():
        said = net(torch.from_numpy(image))
        detector.generate_anchors(torch.from_numpy(image), said)
        found, moved = (
            torch.cat([detector._reshape_maps([level]) for level in said[name]], dim=1)[0]
            for name in ("classification", "box_regression")
        )
        expected = detector.box_coder.decode_single(moved, detector.anchors[0])
    np.testing.assert_array_equal(anchors, detector.anchors[0].numpy())
    np.testing.assert_allclose(logits, found[:, 0].numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(boxes, expected.numpy(), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("seed", [0, 1])
def test_of_overlapping_boxes_those_are_kept_that_monai_keeps(seed: int) -> None:
    size, shapes = (64, 64, 32), [(16, 16, 16), (8, 8, 8), (4, 4, 4)]
    random = torch.Generator().manual_seed(seed)
    said = [torch.randn(1, 3, *shape, generator=random) * 3 - 3 for shape in shapes]
    moved = [torch.randn(1, 18, *shape, generator=random) for shape in shapes]
    anchors = AnchorGeneratorWithAnchorShape((1, 2, 4), ((6, 8, 4), (8, 6, 5), (10, 10, 6)))
    detector = RetinaNetDetector(torch.nn.Identity(), anchors, spatial_dims=3, num_classes=1)
    detector.set_box_selector_parameters(
        score_thresh=0.02, topk_candidates_per_level=1000, nms_thresh=0.22, detections_per_img=300
    )
    detector.generate_anchors(torch.zeros(1, 1, *size), {"classification": said})
    maps = {"classification": detector._reshape_maps(said), "box_regression": detector._reshape_maps(moved)}
    kept = detector.postprocess_detections(maps, detector.anchors, [list(size)], [4096, 512, 64])[0]

    dense = np.concatenate([maps["classification"][0].numpy(), maps["box_regression"][0].numpy()], axis=1).T
    logits, boxes = decode(dense, window_anchors(size))
    clipped = boxes.clip(0, size * 2)
    best = select_boxes(clipped, logits, anchor_levels(size))
    scores = kept[detector.pred_score_key].numpy()
    assert len(best) == len(scores) > 20
    np.testing.assert_allclose(1 / (1 + np.exp(-logits[best])), scores, rtol=1e-5)
    np.testing.assert_allclose(clipped[best], kept[detector.target_box_key].numpy(), atol=1e-3)


def test_another_file_is_refused_by_its_sum(tmp_path: Path) -> None:
    file = tmp_path / "model.pt"
    file.write_bytes(b"anything")
    with pytest.raises(WeightsError, match="not the published file"):
        install_published(TEMPLATE, file, tmp_path / "models")
    assert not (tmp_path / "models").exists()


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('unpickled')",))


def test_a_pickle_with_more_than_tensors_is_never_run(tmp_path: Path) -> None:
    file = tmp_path / "model.pt"
    file.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(WeightsError, match="no plain tensors"):
        install_published(template(tmp_path / "template", file), file, tmp_path / "models")


def test_weights_of_another_shape_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    file = tmp_path / "model.pt"
    torch.save(monai_nets.SegResNet(init_filters=8, in_channels=4, out_channels=3).state_dict(), file)
    with pytest.raises(WeightsError, match="do not fit"):
        install_published(template(tmp_path / "template", file), file, tmp_path / "models")
    assert not list((tmp_path / "models").glob("*"))
