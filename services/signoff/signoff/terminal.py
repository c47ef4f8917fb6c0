"""Lines for the person at the terminal; what machines read goes to the logs."""


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)
