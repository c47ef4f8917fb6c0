"""Reads ``multipart/form-data`` bodies that are in memory already."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from signoff_gateway.dialects.camunda.answers import BadRequest
from signoff_gateway.refusals import MediaTypeUnsupported

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

PARTS_MAX: Final = 1000
_FORM_DATA: Final = b"multipart/form-data"
_UNREADABLE: Final = "Failed to parse multipart servlet request"


@dataclass(slots=True)
class Part:
    """One part of a form; ``filename`` is empty for plain fields."""

    name: str = ""
    filename: str = ""
    data: bytearray = field(default_factory=bytearray)


def read_form(content_type: bytes, body: bytes) -> list[Part]:
    """All parts in order. Raises: MediaTypeUnsupported, BadRequest."""
    kind, options = parse_options_header(content_type)
    if kind.lower() != _FORM_DATA:
        raise MediaTypeUnsupported(content_type.decode("latin-1"))
    boundary = options.get(b"boundary")
    if not boundary:
        raise BadRequest(_UNREADABLE)
    reader = _Reader()
    try:
        parser = MultipartParser(boundary, reader.callbacks())
        parser.write(body)
        parser.finalize()
    except (FormParserError, UnicodeDecodeError) as error:
        raise BadRequest(_UNREADABLE) from error
    if not reader.ended:
        raise BadRequest(_UNREADABLE)
    return reader.parts


class _Reader:
    """Collects what the parser calls back with."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.ended = False
        self._name = b""
        self._value = b""

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._part_begin,
            "on_part_data": self._part_data,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_end": self._end,
        }

    def _part_begin(self) -> None:
        if len(self.parts) == PARTS_MAX:
            raise BadRequest(_UNREADABLE)
        self.parts.append(Part())

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1].data += data[start:end]

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            _, options = parse_options_header(self._value)
            self.parts[-1].name = options.get(b"name", b"").decode()
            self.parts[-1].filename = options.get(b"filename", b"").decode()
        self._name = self._value = b""

    def _end(self) -> None:
        self.ended = True
