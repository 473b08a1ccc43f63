"""``python -m gazeshift``: the command line."""

from gazeshift.cli.entry import run

run()
