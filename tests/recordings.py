"""Sounds to test with."""

import io

import numpy as np
import soundfile


def tone(seconds=1.0, rate=16_000, pitch=440.0):
    """Half as loud as full scale."""
    return (0.5 * np.sin(2 * np.pi * pitch * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def encoded(samples, rate=16_000, kind="WAV", subtype=None):
    """A sound file in memory."""
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate, format=kind, subtype=subtype)
    return stream.getvalue()
