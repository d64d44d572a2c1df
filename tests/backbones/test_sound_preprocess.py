"""The specs of sounds: plain values that travel, and the entrance behind them."""

import json

import numpy as np
import pytest
import torch

from headstart.backbones.preprocess import as_batch, preprocess_from_json, preprocess_to_json
from headstart.backbones.sound_preprocess import MelPreprocess, WaveformPreprocess

MEL = MelPreprocess(16_000, 50, 40, 400, 160, 400, 0.0, 8000.0, "slaney", "power", 2.0, 4.0, -30.0)
SPECS = [WaveformPreprocess(16_000, 800, True), WaveformPreprocess(16_000, 800, False), MEL]


@pytest.mark.parametrize("spec", SPECS)
def test_a_spec_survives_json(spec):
    assert preprocess_from_json(json.loads(json.dumps(preprocess_to_json(spec)))) == spec


@pytest.mark.parametrize("spec", SPECS)
def test_random_inputs_are_a_batch(spec):
    inputs = spec.random_inputs(3, seed=1)
    assert (inputs.shape, inputs.dtype) == ((3, *spec.axes), np.float32)
    np.testing.assert_array_equal(as_batch(list(inputs)), inputs)
    np.testing.assert_array_equal(inputs, spec.random_inputs(3, seed=1))
    assert spec.size == spec.axes[0]
    assert spec.assets == {}


def test_random_energies_are_positive():
    assert (MEL.random_inputs(2) >= 0).all()


@pytest.mark.parametrize("spec", SPECS)
def test_the_entrance_takes_the_mean_off_and_divides(spec):
    inputs = torch.from_numpy(spec.random_inputs(2))
    hidden, context = spec.entrance()(inputs)
    expected = (inputs - 2) / 4 if spec is MEL else inputs
    torch.testing.assert_close(hidden, expected, rtol=0, atol=0)
    assert context is None


def test_settings_are_the_spectrums_own():
    settings = MEL.settings
    assert {name: getattr(MEL, name) for name in settings.__slots__} == {
        name: getattr(settings, name) for name in settings.__slots__
    }
