# What flasgo-core uses of the distribution `multipart`. The benchmarks also install
# `python-multipart`, which Starlette needs; its package of the same name hands over to the module
# at run time, which a type checker cannot follow.

from collections.abc import Generator

class MultipartError(ValueError): ...
class ParserError(MultipartError): ...
class ParserLimitReached(MultipartError): ...

class MultipartSegment:
    headerlist: list[tuple[str, str]]
    name: str
    filename: str | None
    content_type: str | None
    charset: str | None
    def header(self, name: str) -> str | None: ...

class PushMultipartParser:
    boundary: bytes
    def __init__(
        self,
        boundary: str | bytes,
        *,
        content_length: int = ...,
        max_header_size: int = ...,
        max_header_count: int = ...,
        max_segment_size: float = ...,
        max_segment_count: float = ...,
        strict: bool = ...,
    ) -> None: ...
    def parse(self, chunk: bytes) -> Generator[MultipartSegment | bytes | None]: ...
    def close(self, check_complete: bool = ...) -> None: ...
    def _on_segment_headerline(self, line: bytes) -> None: ...

def parse_options_header(header: str) -> tuple[str, dict[str, str]]: ...
