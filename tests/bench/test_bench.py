import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.conftest import Command

from gazeshift.bench import BenchResult, BenchSettings, all_settings, goal_settings, run_all, run_bench
from gazeshift.bench.contenders import PEERS, forward, installed_peers, offered_peers, ours
from gazeshift.bench.goals import GOALS
from gazeshift.bench.outside import explained
from gazeshift.bench.photos import write_photos
from gazeshift.bench.pipeline import measure_pipeline
from gazeshift.bench.results import BatchTimes, Machine, PipelineTimes, TextTimes
from gazeshift.bench.subject import Subject, make_subject
from gazeshift.mapstore.lookup import read_folder
from gazeshift.measures import distribution
from gazeshift.models.folded import ready
from gazeshift.saliency import Speed

pytestmark = pytest.mark.slow

TINY = BenchSettings(model="small_cnn", size=64, batches=(1, 2), texts=(1, 3), images=4, rounds=1)


def drawn_by(name: str, subject: Subject) -> np.ndarray:
    return PEERS[name].work(subject)()  # type: ignore[return-value]


def test_all_contenders_draw_the_same_map() -> None:
    subject = make_subject("resnet18", 64, batch=2, texts=2, device="cpu")
    own = distribution(ours(subject)().numpy())  # type: ignore[attr-defined]
    assert installed_peers() == offered_peers(subject) == list(PEERS)
    captum = drawn_by("captum", subject).detach().numpy()[:, 0]  # type: ignore[attr-defined]
    np.testing.assert_allclose(distribution(captum), own, atol=1e-4)
    torchcam = torch.cat(drawn_by("torchcam", subject)).numpy()  # type: ignore[call-overload]
    for theirs, mine in zip(torchcam, own, strict=True):  # min-max normalised there
        assert np.corrcoef(theirs.ravel(), (mine / mine.max()).ravel())[0, 1] > 0.99


def test_a_peer_that_reads_tokens_draws_the_same_map_of_a_transformer() -> None:
    """pytorch-grad-cam through its documented ``reshape_transform``; it enlarges its maps to the size of the picture."""
    subject = make_subject("vit_tiny_patch16_224", 64, batch=2, texts=2, device="cpu")
    assert offered_peers(subject) == ["pytorch-grad-cam"]
    own = torch.tensor(distribution(ours(subject)().numpy()))[:, None]  # type: ignore[attr-defined]
    enlarged = torch.nn.functional.interpolate(own, (64, 64), mode="bilinear", align_corners=False)[:, 0].numpy()
    for theirs, mine in zip(drawn_by("pytorch-grad-cam", subject), enlarged, strict=True):
        assert np.corrcoef(theirs.ravel(), mine.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224"])
def test_as_a_model_from_outside_the_subject_has_the_same_maps(name: str, check: bool) -> None:
    subject = make_subject(name, 64, batch=3, texts=3, device="cpu")
    theirs = explained(subject, check=check)()
    np.testing.assert_allclose(distribution(theirs), distribution(ours(subject)().numpy()), atol=1e-4)  # type: ignore


def test_the_plain_model_runs_in_the_default_layout_and_ours_in_channels_last() -> None:
    subject, layouts = make_subject("resnet18", 64, batch=2, texts=2, device="cpu"), []

    def note(module: torch.nn.Module, inputs: object, out: torch.Tensor) -> None:
        layouts.append((out.is_contiguous(), out.is_contiguous(memory_format=torch.channels_last)))

    for trunk in (subject.plain.model.trunk, ready(subject.model.trunk, subject.images).trunk):
        for module in trunk.modules():
            if isinstance(module, torch.nn.Conv2d):
                module.register_forward_hook(note)
    forward(subject)()
    assert set(layouts) == {(True, False)}
    layouts.clear()
    with torch.no_grad():
        subject.encode(subject.images)
    assert set(layouts) == {(False, True)}


@pytest.mark.parametrize("name", ["small_cnn", "vit_tiny_patch16_224"])
def test_the_plain_model_is_the_same_classifier_image_by_image(name: str) -> None:
    subject = make_subject(name, 64, batch=3, texts=3, device="cpu")
    tokens = subject.model.tokenize(subject.texts)
    with torch.no_grad():
        expected = subject.model(subject.images, tokens.ids, tokens.mask)
    torch.testing.assert_close(forward(subject)(), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(forward(subject.first(2))(), expected[:2], rtol=1e-4, atol=1e-5)


def test_ratios_are_those_of_the_seconds() -> None:
    result = run_bench(TINY)
    assert [each.batch for each in result.batches] == [1, 2]
    assert [each.texts for each in result.texts] == [1, 3]
    for each in result.batches:
        seconds, ratios = each.seconds, each.ratios
        assert ratios["map_vs_forward"] == pytest.approx(seconds["ours"] / seconds["forward"])
        assert ratios["pytorch_grad_cam_vs_ours"] == pytest.approx(seconds["pytorch-grad-cam"] / seconds["ours"])
    for many in result.texts:
        mine, outside, loop = many.seconds.values()
        assert many.ratios["texts_loop_vs_ours"] == pytest.approx(loop / mine)
        assert many.ratios["texts_loop_vs_outside"] == pytest.approx(loop / outside)
        assert many.memory_mb >= 0
    pipeline = result.pipeline
    assert pipeline is not None
    bare, files = pipeline.seconds.values()
    assert pipeline.ratios["pipeline_vs_forward"] == pytest.approx(bare / files)
    assert pipeline.images_per_second == pytest.approx(4 / files)
    assert result.outside is not None
    without, with_checks = result.outside.seconds.values()
    assert result.outside.ratios["outside_checks_vs_none"] == pytest.approx(with_checks / without)
    parts = (result.batches[-1], result.texts[-1], result.outside, pipeline)
    last = {name: ratio for part in parts for name, ratio in part.ratios.items()}
    assert result.ratios == last
    assert result.memory_mb == result.texts[-1].memory_mb


def test_the_json_is_as_ever() -> None:
    times = BatchTimes(2, {"forward": 1.0, "ours": 1.5}, {"map_vs_forward": 1.5})
    texts = TextTimes(3, {"ours": 0.5}, {"texts_loop_vs_ours": 9.0}, 0.25)
    machine = Machine(2, None, "Linux", "2.0", 1)
    result = BenchResult(BenchSettings(model="small_cnn", size=64), machine, ("captum",), (texts,), (times,), times)
    settings = (
        '{"model": "small_cnn", "size": 64, "batches": [8], "texts": [1000], "images": 64, "rounds": 5, "device": "cpu", "workers": null, '
        '"compiled": false, "precision": "float32", "outside": true}'
    )
    batch = '{"batch": 2, "seconds": {"forward": 1.0, "ours": 1.5}, "ratios": {"map_vs_forward": 1.5}}'
    many = '{"texts": 3, "seconds": {"ours": 0.5}, "ratios": {"texts_loop_vs_ours": 9.0}, "memory_mb": 0.25}'
    files = '{"images": 4, "kb": 30.5, "seconds": {"bare": 1.0}, "images_per_second": 2.0, "ratios": {"pipeline_vs_forward": 0.9}}'
    before = (
        f'{{"settings": {settings}, "machine": {{"cpus": 2, "gpu": null, "platform": "Linux", "torch": "2.0", "threads": 1}}, '
        f'"not_offered": ["captum"], "texts": [{many}], "batches": [{batch}], "outside": {batch}, '
    )
    after = '"ratios": {"map_vs_forward": 1.5, "texts_loop_vs_ours": 9.0%s}, "memory_mb": 0.25}'
    assert json.dumps(result.to_dict()) == before + after % ""
    pipeline = PipelineTimes(4, 30.5, {"bare": 1.0}, 2.0, {"pipeline_vs_forward": 0.9})
    whole = replace(result, pipeline=pipeline)
    assert json.dumps(whole.to_dict()) == before + f'"pipeline": {files}, ' + after % ', "pipeline_vs_forward": 0.9'


def test_the_bare_pass_sees_what_the_pipeline_sees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Same crops, same texts: the logits of the bare pass are those stored beside the maps."""
    subject, outcomes = make_subject("small_cnn", 64, 2, 5, "cpu", Speed(batch=2, workers=1)), {}

    def once(works: dict[str, Callable[[], object]], *_: object) -> dict[str, float]:
        for name, work in works.items():
            outcomes[name] = work()
        outcomes["stored"] = read_folder(next(tmp_path.rglob("maps-*")))[0]
        return dict.fromkeys(works, 1.0)

    monkeypatch.setattr("gazeshift.bench.pipeline.interleave", once)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    found = measure_pipeline(subject, images=5, rounds=1)
    assert found.images == 4, "whole batches"
    bare = torch.cat(outcomes["bare forward pass"])
    stored = outcomes["stored"]
    assert stored["class"].tolist() == [subject.model.classes[index] for index in bare.argmax(1)]
    np.testing.assert_allclose(stored["logit"], bare.max(1).values, rtol=1e-4)
    assert not list(tmp_path.iterdir()), "the photos are gone"


def test_photos_are_like_photos(tmp_path: Path) -> None:
    pairs = write_photos(tmp_path, [f"title {index}" for index in range(8)], "pie")
    assert [pair.text for pair in pairs] == [f"title {index}" for index in range(8)]
    for pair in pairs:
        assert isinstance(pair.image, Path)
        assert 30_000 <= pair.image.stat().st_size <= 60_000
        with Image.open(pair.image) as picture:
            assert picture.size == (400, 300)
    assert pairs[0].image.read_bytes() != pairs[1].image.read_bytes()  # type: ignore[union-attr]


def test_all_is_the_models_and_sizes_that_are_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = all_settings(BenchSettings(rounds=2, images=16))
    assert [(case.model, case.size) for case in cases] == [("inception_v3", 299), ("vit_base_patch16_224", 224)]
    assert {(case.batches, case.texts, case.rounds, case.images) for case in cases} == {
        ((1, 8), (1, 10, 100, 1000), 2, 16)
    }
    cuda = all_settings(BenchSettings(device="cuda"))
    assert {(case.batches, case.texts) for case in cuda} == {((1, 8, 256), (1, 10, 100, 1000, 10_000))}
    # A thread instead of a process of its own, which takes long to start.
    monkeypatch.setattr("gazeshift.bench.run.ProcessPoolExecutor", lambda *_, **__: ThreadPoolExecutor(1))
    said: list[str] = []
    (result,) = run_all([replace(TINY, batches=(2,), images=0)], said.append)
    assert result.settings.model == "small_cnn"
    assert "pipeline" not in result.to_dict()
    assert said == ["small_cnn: batches of 2, 1, 3 texts on one image"]


def test_goals_are_measured_and_compared(monkeypatch: pytest.MonkeyPatch, gazeshift: Command) -> None:
    cases = goal_settings(BenchSettings(rounds=2))
    wanted = {(goal.model, goal.compiled) for goal in GOALS}
    assert {(case.model, case.compiled) for case in cases} == wanted
    assert {case.batches for case in cases} == {(8,)}

    def measured(settings: Sequence[BenchSettings], announce: Callable[[str], None]) -> list[BenchResult]:
        return [result_of(each, 0.5, 1999.0) for each in settings]

    monkeypatch.setattr("gazeshift.cli.bench.run_all", measured)
    code, out, _ = gazeshift("bench", "--goals")
    assert code == 0
    rows = {tuple(line.split()) for line in out.splitlines() if "at least" in line or "at most" in line}
    assert ("inception_v3", "map_vs_forward", "0.50", "at", "most", "0.55", "met") in rows
    assert ("inception_v3,", "compiled", "map_vs_forward", "0.50", "at", "most", "0.45", "missed") in rows
    assert ("inception_v3", "texts_loop_vs_ours", "1,999.00", "at", "least", "2,000", "missed") in rows
    assert ("vit_base_patch16_224", "texts_loop_vs_ours", "1,999.00", "at", "least", "1,500", "met") in rows
    assert not any("pipeline_vs_forward" in row for row in rows), "nothing was measured for it"
    assert gazeshift("bench", "--goals", "--all")[0] == 2


def result_of(settings: BenchSettings, mapped: float, loop: float) -> BenchResult:
    times = BatchTimes(8, {"forward": 1.0}, {"map_vs_forward": mapped})
    outside = BatchTimes(8, {"forward": 1.0}, {})
    texts = TextTimes(1000, {"ours": 0.5}, {"texts_loop_vs_ours": loop}, 0.25)
    return BenchResult(settings, Machine(2, None, "Linux", "2.0", 1), (), (texts,), (times,), outside)


def test_a_compiled_subject_runs_the_compiled_trunk(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(torch, "compile", lambda function, **_: lambda images: (calls.append(1), function(images))[1])
    subject = make_subject("small_cnn", 64, batch=2, texts=2, device="cpu", speed=Speed(compiled=True))
    ours(subject)()
    assert calls == [1]
    forward(subject)()
    assert calls == [1], "the model's own pass stays eager"


def test_the_command_prints_a_table_or_json_and_refuses_what_timm_does_not_have(gazeshift: Command) -> None:
    tiny = ("--model", "small_cnn", "--batch", "2", "--texts", "3", "--rounds", "1", "--images", "2")
    code, out, _ = gazeshift("bench", *tiny, "--json")
    assert code == 0
    wanted = {"map_vs_forward", "pytorch_grad_cam_vs_ours", "texts_loop_vs_ours", "pipeline_vs_forward"}
    wanted |= {"outside_checks_vs_none", "texts_loop_vs_outside"}
    assert wanted <= set(json.loads(out)["ratios"])
    code, out, _ = gazeshift("bench", *tiny)
    assert code == 0
    assert all(name in out for name in (*PEERS, "forward", "JPEG files to stored maps", *wanted))
    code, _, err = gazeshift("bench", "--model", "inceptoin_v3")
    assert code == 2
    assert "inception_v3" in err
    if not torch.cuda.is_available():
        assert gazeshift("bench", "--device", "cuda")[0] == 2
