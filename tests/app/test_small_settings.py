"""The study file of a small study is one that ``gazeshift study`` takes, whatever the models are called."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gazeshift.app.ready import READY
from gazeshift.app.small.asked import StartSmall
from gazeshift.app.small.settings import Studied, study_names, study_settings
from gazeshift.models.addresses import Address, Question
from gazeshift.runs.folder import RunFolder
from gazeshift.study.config import StudyConfig
from gazeshift.study.load import read_study
from gazeshift.study.outlook import outlook, seconds_of_steps


@given(st.lists(st.text(min_size=1, max_size=20), unique=True, max_size=6), st.booleans())
def test_any_names_of_models_make_a_valid_study(names: list[str], train: bool) -> None:
    assert len(set(study_names(names).values())) == len(names)
    if not names and not train:
        return
    asked = StartSmall(study="x", models=tuple(names or ["a"]), edits=READY, train=train)
    models = {name: Studied(Address(f"models/{n}"), True) for n, name in enumerate(asked.models)}
    study = StudyConfig.model_validate(study_settings(asked, models, Path("/data/pairs.csv")))
    given_here = [own for own in study.models.values() if own.from_ is not None and own.texts == "own"]
    assert [own.from_ for own in given_here] == [model.address.at for model in models.values()]
    assert len(study.trained) == 2 * train
    assert study.explain.edits == ("original", *READY)


def test_a_published_model_is_asked_as_on_the_page() -> None:
    question = Question("zero-shot", ("cat", "dog"), "a photo of a {class}, {text}", trust_remote_code=True)
    models = {"clip": Studied(Address("hub:clip", question), True), "seer": Studied(Address("folder"), False)}
    asked = StartSmall(study="x", models=("clip", "seer"), edits=("colour",), pictures=7)
    study = StudyConfig.model_validate(study_settings(asked, models, Path("pairs.csv")))
    clip, seer = study.models["clip"], study.models["seer"]
    assert (clip.as_, clip.classes, clip.prompt, clip.trust_remote_code) == ("zero-shot", *_rest(question))
    assert (seer.reads_text, seer.from_) == (False, "folder")
    assert study.explain.images == 7


def _rest(question: Question) -> tuple[object, ...]:
    return question.classes, question.prompt, question.trust_remote_code


def test_the_outlook_names_the_steps_that_a_study_does(tiny_run: Path) -> None:
    run = RunFolder(tiny_run)
    assert set(outlook(read_study(run.study))) == set(seconds_of_steps(run))
