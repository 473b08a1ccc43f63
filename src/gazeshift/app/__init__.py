"""The page: type a text, watch the gaze move."""
