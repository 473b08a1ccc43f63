"""``gazeshift app``: the page on which a text is typed and the gaze moves."""
