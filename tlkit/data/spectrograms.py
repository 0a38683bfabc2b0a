"""Recordings as pictures: a spectrogram shows which pitches sound when, and a network for photos can look at it."""

import wave
from pathlib import Path

import numpy as np
from PIL import Image

from tlkit.data.pictures import BadPicture

__all__: list[str] = []

SPECTROGRAMS = 1  # raised when any recording becomes another picture: what was drawn before is not used then
WINDOW, HOP = 0.032, 0.008  # seconds: what one column hears, and how far apart columns are
BANDS = 64  # of pitch, equally far apart on the mel scale, as an ear hears them
FLOOR = 60.0  # decibels below the loudest: black from there on


def read_spectrogram(path: Path, size: int) -> np.ndarray:
    """Read a recording as a picture, uint8 ``(3, size, size)``: see ``spectrogram``.

    Raises
    ------
    BadPicture
        If it is no wav file of one channel with 16 bits, is damaged, or is shorter than a window.
    """
    try:
        with wave.open(str(path), "rb") as file:
            if (file.getnchannels(), file.getsampwidth()) != (1, 2):
                raise BadPicture(f"{path.name}: not one channel of 16 bits, but {file.getnchannels()} channels")
            rate, samples = file.getframerate(), file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise BadPicture(f"{path.name}: damaged, or no wav file ({error or 'it ends too early'})") from error
    sound = np.frombuffer(samples[: len(samples) // 2 * 2], dtype="<i2").astype(np.float64)
    if len(sound) < rate * WINDOW:
        raise BadPicture(f"{path.name}: {len(sound)} samples are too few to show anything")
    return spectrogram(sound, rate, size)


def spectrogram(sound: np.ndarray, rate: int, size: int) -> np.ndarray:
    """A log-mel spectrogram, stretched to a square: time from left to right, low pitches at the bottom.

    White is the loudest place of the recording, black is 60 dB below it or less. So neither the
    loudness nor the length of a recording shows.

    Parameters
    ----------
    sound : float array (samples,)
    rate : samples a second
    size : height and width in pixels

    Returns
    -------
    uint8 array (3, size, size), three equal channels
    """
    window, hop = round(rate * WINDOW), round(rate * HOP)
    frames = np.lib.stride_tricks.sliding_window_view(sound, window)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(window))) ** 2  # (columns, pitches)
    heard = power @ _mel_bands(power.shape[1], rate).T
    loudness = 10 * np.log10(np.maximum(heard, 1e-12) / max(heard.max(), 1e-12))
    grey = ((loudness / FLOOR).clip(-1, 0) + 1) * 255
    image = Image.fromarray(grey.T[::-1].round().astype(np.uint8))
    square = np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))
    return np.repeat(square[None], 3, axis=0)


def _mel_bands(pitches: int, rate: int) -> np.ndarray:
    """Overlapping triangles ``(BANDS, pitches)`` whose tips are as far apart in mel, 2595 log10(1 + hertz / 700)."""
    hertz = np.linspace(0, rate / 2, pitches)
    edges = np.linspace(0, 2595 * np.log10(1 + rate / 2 / 700), BANDS + 2)
    edges = 700 * (10 ** (edges / 2595) - 1)
    # Low bands are narrower than the pitches are apart: each must reach its neighbours.
    reach = np.maximum(np.diff(edges), hertz[1])
    rising = (hertz - edges[1:-1, None]) / reach[:-1, None] + 1
    falling = (edges[1:-1, None] - hertz) / reach[1:, None] + 1
    return np.minimum(rising, falling).clip(0)
