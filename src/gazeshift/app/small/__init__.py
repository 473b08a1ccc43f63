"""A small study from the page: dropped files, models of the page, a study in a process of its own, its report."""
