"""Public data sets whose annotations say where the things are that texts name: a reader for each."""
