"""The output layers of transformers' own language models, found in their weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from headstart.backbones.language_head import LANGUAGE_HEAD, language_head_arrays, read_language_head
from headstart.backbones.splitting import split_for
from headstart.backbones.text_pooling import TextPooling
from headstart.backbones.text_preprocess import TextPreprocess
from headstart.backbones.transformers_text import build_text, load_text_weights, text_architecture
from headstart.tasks.language_head import LanguageHead
from headstart.tasks.language_model import LanguageModelling
from headstart.training.token_network import TokenNetwork

transformers = pytest.importorskip("transformers")

_SMALL = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 32,
}
_FAMILIES = {
    "bert": (transformers.BertForMaskedLM, transformers.BertConfig(**_SMALL)),
    "roberta": (transformers.RobertaForMaskedLM, transformers.RobertaConfig(**_SMALL, pad_token_id=1)),
    "distilbert": (
        transformers.DistilBertForMaskedLM,
        transformers.DistilBertConfig(
            vocab_size=40, dim=16, n_layers=2, n_heads=2, hidden_dim=32, max_position_embeddings=32
        ),
    ),
    "electra": (transformers.ElectraForMaskedLM, transformers.ElectraConfig(**_SMALL, embedding_size=8)),
    "gpt2": (
        transformers.GPT2LMHeadModel,
        transformers.GPT2Config(vocab_size=40, n_embd=16, n_layer=2, n_head=2, n_positions=32),
    ),
    "llama": (
        transformers.LlamaForCausalLM,
        transformers.LlamaConfig(**_SMALL, num_key_value_heads=1, tie_word_embeddings=False),
    ),
}


@pytest.mark.parametrize("family", sorted(_FAMILIES))
def test_logits_are_those_of_the_source_model(family, tmp_path):
    model_class, config = _FAMILIES[family]
    torch.manual_seed(0)
    source = model_class(config).eval()
    with torch.no_grad():
        for name, parameter in source.named_parameters():
            if name.endswith("bias"):
                parameter.normal_()
    tensors = {name: values.detach().numpy().copy() for name, values in source.state_dict().items()}
    model = build_text(text_architecture(config, TextPooling("mean")), 16)
    load_text_weights(tmp_path, tensors, config, model)
    backbone = split_for(model, TextPreprocess("", 16, 40)).eval()
    arrays = language_head_arrays(tensors, backbone.model.get_input_embeddings().weight.detach().numpy())
    if family == "gpt2":
        assert arrays is None
        head = LanguageModelling("next token").build_head(backbone)
    else:
        head = LanguageHead.from_arrays(backbone, arrays)
        assert (head.output is not None) == (family == "llama")
    tokens = torch.randint(2, 40, (3, 9))
    tokens[1, 6:] = -1
    with torch.no_grad():
        expected = source(tokens.clamp_min(0), attention_mask=(tokens >= 0).long()).logits
        found = TokenNetwork(backbone, head).eval()(tokens, None, 0, tokens)
    real = tokens >= 0
    assert torch.allclose(found[real], expected[real], atol=1e-4)


def test_old_names_and_other_tensors(tmp_path):
    tensors = {
        "cls.predictions.transform.dense.weight": np.ones((4, 4), np.float32),
        "cls.predictions.transform.dense.bias": np.zeros(4, np.float32),
        "cls.predictions.transform.LayerNorm.gamma": np.ones(4, np.float32),
        "cls.predictions.transform.LayerNorm.beta": np.zeros(4, np.float32),
        "cls.predictions.bias": np.zeros(9, np.float32),
        "cls.seq_relationship.weight": np.zeros((2, 4), np.float32),
    }
    found = language_head_arrays(tensors)
    assert sorted(found) == ["bias", "transform.0.bias", "transform.0.weight", "transform.2.bias", "transform.2.weight"]
    save_file(found, tmp_path / LANGUAGE_HEAD)
    assert sorted(read_language_head(tmp_path)) == sorted(found)
    assert language_head_arrays({"classifier.weight": np.zeros((2, 4), np.float32)}) is None
    assert read_language_head(tmp_path / "nowhere") is None
