"""Run a gazeshift command that says "here" when it comes to a certain function, and stays there: to be interrupted.

A worker process, which is to leave the interrupt to the one that started it, says so and works on.
"""

import importlib
import multiprocessing
import os
import sys
import time

# A worker process gets the arguments that the command was left with, but all of its environment.
module, name = os.environ.setdefault("STAYS_AT", sys.argv[1]).split(":")
original = getattr(importlib.import_module(module), name)


def stay(*arguments: object, **options: object) -> object:
    sys.stdout.write("here\n")
    sys.stdout.flush()
    if multiprocessing.parent_process() is None:
        time.sleep(600)
    return original(*arguments, **options)


setattr(importlib.import_module(module), name, stay)
if __name__ == "__main__":  # a worker process imports this file too, and finds the function replaced
    sys.argv = ["gazeshift", *sys.argv[2:]]
    from gazeshift.cli.entry import run

    run()
