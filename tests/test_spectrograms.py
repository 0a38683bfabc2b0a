"""Recordings as pictures: pitch is height, time is width, loudness and length do not show."""

import wave

import numpy as np
import pytest

from tlkit.data import spectrograms
from tlkit.data.pictures import BadPicture

RATE = 8000


def tone(pitch, seconds=0.4, loudness=8000.0):
    return loudness * np.sin(2 * np.pi * pitch * np.arange(round(RATE * seconds)) / RATE)


def write(path, sound, channels=1, width=2):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(RATE)
        file.writeframes(np.asarray(sound).round().astype("<i2").tobytes())
    return path


@pytest.mark.parametrize("pitch", [200, 500, 1000, 2000, 3500])
def test_a_tone_is_a_line_at_its_height_on_the_mel_scale(pitch):
    picture = spectrograms.spectrogram(tone(pitch), RATE, 96)
    assert picture.shape == (3, 96, 96) and picture.dtype == np.uint8
    assert (picture[0] == picture[1]).all() and (picture[0] == picture[2]).all()
    mel = np.log10(1 + pitch / 700) / np.log10(1 + RATE / 2 / 700)  # 0 at the bottom, 1 at the top
    assert abs(picture[0].mean(1).argmax() - (1 - mel) * 96) <= 3


def test_time_runs_from_left_to_right():
    picture = spectrograms.spectrogram(np.concatenate([tone(300), tone(2500)]), RATE, 64)[0]
    assert picture[:, :28].mean(1).argmax() > 40 > 24 > picture[:, 36:].mean(1).argmax()


def test_neither_loudness_nor_length_shows():
    loud, soft = (spectrograms.spectrogram(tone(700, loudness=x), RATE, 64).astype(int) for x in (20000, 200))
    assert abs(loud - soft).max() <= 1
    long = spectrograms.spectrogram(tone(700, seconds=1.2), RATE, 64).astype(int)
    assert abs(long - loud)[:, :, 4:-4].mean() < 3


def test_every_pitch_is_heard_by_a_band_and_every_band_hears():
    bands = spectrograms._mel_bands(129, RATE)
    assert bands.shape == (spectrograms.BANDS, 129) and (bands >= 0).all()
    assert (bands.sum(1) > 0).all() and (bands.sum(0)[1:-1] > 0).all()


@pytest.mark.parametrize("sound", [np.zeros(4000), np.full(256, 1.0), np.random.default_rng(0).normal(0, 9, 20000)])
def test_silence_noise_and_a_single_window_are_pictures_too(tmp_path, sound):
    picture = spectrograms.read_spectrogram(write(tmp_path / "a.wav", sound), 32)
    assert picture.shape == (3, 32, 32)


def test_a_file_is_the_picture_of_its_sound(tmp_path):
    path = write(tmp_path / "a.wav", tone(900))
    expected = spectrograms.spectrogram(tone(900).round(), RATE, 32)
    assert (spectrograms.read_spectrogram(path, 32) == expected).all()


def test_what_is_no_recording_is_refused_in_words(tmp_path):
    whole = write(tmp_path / "whole.wav", tone(900)).read_bytes()
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("no sound at all, but long enough to look like something")
    (tmp_path / "cut.wav").write_bytes(whole[:30])
    write(tmp_path / "stereo.wav", np.repeat(tone(900), 2), channels=2)
    write(tmp_path / "bytes.wav", tone(900), width=1)
    write(tmp_path / "short.wav", tone(900)[:100])
    words = {"empty": "damaged", "text": "damaged", "cut": "damaged", "stereo": "2 channels", "short": "too few"}
    for name, why in (words | {"bytes": "16 bits"}).items():
        with pytest.raises(BadPicture, match=f"{name}.wav: .*{why}"):
            spectrograms.read_spectrogram(tmp_path / f"{name}.wav", 32)
