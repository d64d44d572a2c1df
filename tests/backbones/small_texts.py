"""Small text models of every family with random weights, and a small tokenizer."""

from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from headstart.backbones.text_pooling import TextPooling
from headstart.backbones.transformers_architecture import configuration, read_architecture

VOCABULARY = 90

_SMALL = "hidden_size=32, intermediate_size=48, num_attention_heads=4, num_hidden_layers=3"
_VOCABULARY = "vocab_size=90"
_ROPE = f"head_dim=8, {_SMALL}, num_key_value_heads=2"

#: One architecture of every family, in its canonical text.
SMALL = {
    "bert": f"bert({_SMALL}, {_VOCABULARY}, pooling='mean')",
    "distilbert": "distilbert(dim=32, hidden_dim=48, n_heads=4, n_layers=3, vocab_size=90, pooling='cls')",
    "roberta": f"roberta({_SMALL}, type_vocab_size=1, {_VOCABULARY}, pooling='max')",
    "xlm-roberta": f"xlm-roberta({_SMALL}, type_vocab_size=1, {_VOCABULARY}, pooling='mean')",
    "camembert": f"camembert({_SMALL}, type_vocab_size=1, {_VOCABULARY}, pooling='mean')",
    "electra": (
        f"electra(embedding_size=16, hidden_size=32, intermediate_size=48, num_hidden_layers=3, {_VOCABULARY}, "
        "pooling='mean')"
    ),
    "deberta": (
        f"deberta({_SMALL}, pos_att_type=['c2p', 'p2c'], position_biased_input=False, relative_attention=True, "
        f"type_vocab_size=2, {_VOCABULARY}, pooling='mean')"
    ),
    "deberta-v2": (
        "deberta-v2(conv_act='gelu', conv_kernel_size=3, hidden_size=32, intermediate_size=48, "
        "norm_rel_ebd='layer_norm', num_attention_heads=4, num_hidden_layers=3, pos_att_type=['p2c', 'c2p'], "
        "position_biased_input=False, position_buckets=8, relative_attention=True, share_att_key=True, "
        f"{_VOCABULARY}, pooling='mean')"
    ),
    "mpnet": f"mpnet({_SMALL}, {_VOCABULARY}, pooling='mean', unit_length=True)",
    "gpt2": "gpt2(n_embd=32, n_head=4, n_layer=3, vocab_size=90, pooling='last')",
    "llama": f"llama({_ROPE}, {_VOCABULARY}, pooling='last')",
    "mistral": f"mistral({_ROPE}, sliding_window=5, {_VOCABULARY}, pooling='last')",
    "qwen2": (
        "qwen2(hidden_size=32, intermediate_size=48, layer_types=['full_attention', 'full_attention', "
        "'sliding_attention'], max_window_layers=2, num_attention_heads=4, num_hidden_layers=3, num_key_value_heads=2, "
        f"sliding_window=5, use_sliding_window=True, {_VOCABULARY}, pooling='last')"
    ),
    "t5": "t5(d_ff=48, d_kv=8, d_model=32, num_heads=4, num_layers=3, vocab_size=90, pooling='mean')",
}

#: What the library calls them with a head, as repositories hold them; any other family without one.
HEADS = {
    "bert": "BertForPreTraining",
    "distilbert": "DistilBertForMaskedLM",
    "roberta": "RobertaForSequenceClassification",
    "electra": "ElectraForPreTraining",
    "deberta-v2": "DebertaV2ForTokenClassification",
    "mpnet": "MPNetForMaskedLM",
    "gpt2": "GPT2LMHeadModel",
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "t5": "T5ForConditionalGeneration",
}
#: Families whose models the library tells which text of a pair a token belongs to, and have more than one type.
TYPED = {"bert", "electra", "deberta"}


def tokenizer() -> Tokenizer:
    """Words ``w0`` to ``w79``; a pair is told by types, as BERT's."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"w{number}" for number in range(80))]
    made = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return made


def enlarge(model: torch.nn.Module) -> None:
    """Weights large enough for every layer, mask and bias to have a say."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for tensor in model.parameters():
            if tensor.ndim > 1:
                tensor.copy_(torch.randn(tensor.shape, generator=generator) * (2 / tensor[0].numel()) ** 0.5)
            else:
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)


def source_model(family: str) -> Any:
    """The library's own model of a family, with a head."""
    model_type, settings = read_architecture(SMALL[family])
    TextPooling.taken_from(settings)
    config = configuration(model_type, {**settings, "bos_token_id": None, "eos_token_id": None})
    found = transformers.MODEL_MAPPING[type(config)]
    model = (getattr(transformers, HEADS[family]) if family in HEADS else found)(config).eval()
    enlarge(model)
    return model


def save(model: Any, folder: Path) -> Path:
    """The model and a tokenizer, as a repository holds them."""
    model.save_pretrained(folder)
    tokenizer().save(str(folder / "tokenizer.json"))
    return folder
