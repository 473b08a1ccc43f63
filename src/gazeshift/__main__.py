"""``python -m gazeshift``: the command line."""

from gazeshift.cli.main import run

run()
