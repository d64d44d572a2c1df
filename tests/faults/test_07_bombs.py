"""Fault 7: a picture that would fill the memory is refused from its header, before anything is unpacked."""

import io
import struct
import tracemalloc
import zlib

import pytest
from PIL import Image

from headstart.data.images import decode
from headstart.data.items import UnreadableError


def png_bomb(width: int, height: int) -> bytes:
    """A valid PNG of black pixels, written without ever holding them."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    packed = b"".join([*(packer.compress(row) for _ in range(height)), packer.flush()])
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def headers() -> dict[str, bytes]:
    """Tiny files whose headers promise gigapixels."""
    gif = io.BytesIO()
    Image.new("P", (4, 4)).save(gif, "GIF")
    bmp = bytearray(b"BM" + bytes(12) + struct.pack("<IiiHH", 40, 60_000, 60_000, 1, 24) + bytes(24))
    webp = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (16_382).to_bytes(3, "little") * 2
    tiff_entries = [(256, 4, 60_000), (257, 4, 60_000), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (279, 4, 9)]
    tiff = b"II*\0" + struct.pack("<IH", 8, len(tiff_entries))
    tiff += b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tiff_entries) + bytes(4)
    return {
        "GIF": gif.getvalue()[:6] + struct.pack("<HH", 60_000, 60_000) + gif.getvalue()[10:],
        "BMP": bytes(bmp),
        "WebP": b"RIFF" + struct.pack("<I", len(webp) + 4) + b"WEBP" + webp,
        "TIFF": tiff,
    }


def test_196_megapixels_in_a_few_kilobytes():
    content = png_bomb(14_000, 14_000)
    assert len(content) < 30_000

    tracemalloc.start()
    with pytest.raises(UnreadableError, match="14000 × 14000 pixels, and at most 150 megapixels") as caught:
        decode(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert caught.value.kind == "too large"
    assert peak < 2_000_000


@pytest.mark.parametrize("kind", ["GIF", "BMP", "WebP", "TIFF"])
def test_headers_that_promise_gigapixels(kind):
    with pytest.raises(UnreadableError) as caught:
        decode(headers()[kind])
    assert caught.value.kind == "too large" or kind == "WebP"  # libwebp itself refuses a file without a frame


def test_what_a_camera_makes_is_read():
    stream = io.BytesIO()
    Image.new("L", (12_000, 9_000)).save(stream, "JPEG")

    assert decode(stream.getvalue(), enough=224).width == 12_000
