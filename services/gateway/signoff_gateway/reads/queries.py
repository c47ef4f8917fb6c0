"""Named SQL, read once from the ``.sql`` files beside this module."""

from importlib.resources import files

_MARK = "-- name: "


def named(file: str) -> dict[str, str]:
    """The statements or fragments of a file of ``sql/`` by name, without their comments."""
    text = files("signoff_gateway.reads").joinpath("sql", file).read_text(encoding="utf-8")
    blocks: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(_MARK):
            lines = blocks.setdefault(line.removeprefix(_MARK).strip(), [])
        elif line and not line.startswith("--"):
            lines.append(line)
    return {name: "\n".join(each) for name, each in blocks.items()}
