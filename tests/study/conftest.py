collect_ignore = ["interrupted.py"]  # a program that tests run, and no module of tests
