"""One list of checks, whoever runs them: make, pre-commit or continuous integration."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def recipe(target: str) -> list[str]:
    """The commands of a target of the Makefile."""
    lines = iter((ROOT / "Makefile").read_text(encoding="utf-8").splitlines())
    next(line for line in lines if line.startswith(f"{target}:"))
    commands = []
    for line in lines:
        if not line.startswith("\t"):
            break
        commands.append(line.strip().replace("$(BIN)", ".venv/bin"))
    return commands


def test_pre_commit_runs_what_make_check_runs() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (repository,) = config["repos"]
    assert repository["repo"] == "local", "versions are those of requirements.lock"
    hooks = repository["hooks"]
    assert len(recipe("check")) == 3
    assert [hook["entry"] for hook in hooks] == recipe("check")
    for hook in hooks:
        assert hook["language"] == "system"
        assert hook["pass_filenames"] is False, "the whole house, as make check does"
        assert hook["always_run"] is True


def test_continuous_integration_runs_the_checks_and_the_tests_and_nothing_printed_follows() -> None:
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    commands = [line.split(" || ")[0] for line in lines if line.startswith("make ")]
    assert commands == ["make check", "make -k -j2 --output-sync=target test-portable", "make test"]
    assert lines[-2:] == ["make test", 'exit "$failed"']
