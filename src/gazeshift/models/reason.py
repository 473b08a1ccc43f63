"""A third-party exception's message, in one line."""


def reason(error: Exception | SystemExit, limit: int = 240) -> str:
    r"""The message of an exception from another library on one line, cut to ``limit`` characters.

    The whole message and not only its first line: torch writes "Error(s) in loading state_dict" there and the tensor's name below.

    Example:
        >>> reason(RuntimeError("Error(s):\n\tsize mismatch for head.weight."))
        'Error(s): size mismatch for head.weight'
    """
    words = " ".join(str(error).split()) or type(error).__name__
    return (words if len(words) <= limit else words[: limit - 1] + "…").rstrip(".")
