"""What a PDF of ours says: its text, without a library that would read it kindly."""

import re
import zlib


def words(pdf: bytes) -> str:
    """What is written on the pages."""
    streams = [zlib.decompress(found) for found in re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL)]
    said = b" ".join(found for stream in streams for found in re.findall(rb"\((.*?)\) Tj", stream))
    return said.decode("latin-1").replace("\\", "")
