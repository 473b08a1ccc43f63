"""What the ``gazeshift`` command runs: nothing is imported before Ctrl-C is handled."""

from gazeshift.cli.interrupt import end_at_once


def run() -> None:
    """The command line."""
    end_at_once()
    from gazeshift.cli.main import run as run_command

    run_command()
