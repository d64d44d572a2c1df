"""A small tokenizer like BERT's, for tests of tasks on tokens."""

from collections.abc import Sequence

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from headstart.backbones.text_preprocess import TextPreprocess
from headstart.core.assets import keep_asset


def small_preprocess(texts: Sequence[str], *, most_tokens: int = 200, vocabulary: int = 120) -> TextPreprocess:
    """Word pieces learned from some texts, inside ``[CLS]`` and ``[SEP]``."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokenizer.train_from_iterator(texts, trainers.WordPieceTrainer(vocab_size=vocabulary, special_tokens=special))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return TextPreprocess(keep_asset(tokenizer.to_str().encode()), most_tokens, tokenizer.get_vocab_size())
