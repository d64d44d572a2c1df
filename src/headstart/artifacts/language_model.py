"""A saved language model: it goes on with a text, fills in hidden tokens, and is measured on other text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from headstart.artifacts.evaluate import Evaluation
from headstart.artifacts.predict import Prediction, left_out
from headstart.artifacts.saved_model import SavedModel
from headstart.core.errors import DataError, HeadstartError, UsageError
from headstart.core.progress import Progress, Silent
from headstart.data.columns import Columns
from headstart.data.items import Ledger
from headstart.data.readers.split_names import split_named
from headstart.data.readers.unlabelled import Named, read_unlabelled
from headstart.data.text_streams import Streams, read_text, text_files
from headstart.data.texts import decode
from headstart.evaluation.perplexities import TokenLosses, perplexity_metrics
from headstart.evaluation.summed import SummedScore
from headstart.training.token_network import TokenNetwork
from headstart.transfer.language_tuning import token_losses
from headstart.workflows.language_model.corpus import Corpus, objective_of
from headstart.workflows.language_model.networks import saved_network

#: Tokens by which a text is continued.
CONTINUED = 64


class SavedLanguageModel(SavedModel):
    """The language model of a run."""

    @cached_property
    def network(self) -> TokenNetwork:
        """From the run's verified weights."""
        return saved_network(self.run).eval()

    @property
    def notices(self) -> tuple[str, ...]:
        """None: it is always computed by torch in float32."""
        return ()

    def predict(
        self, inputs: Sequence[Named], *, columns: Columns | None = None, progress: Progress | None = None
    ) -> list[Prediction]:
        """See :func:`predict_language`."""
        return predict_language(self, inputs, columns=columns, progress=progress)

    def evaluate(self, data: str, *, columns: Columns | None = None, progress: Progress | None = None) -> Evaluation:
        """See :func:`evaluate_language`."""
        return evaluate_language(self, data, columns=columns, progress=progress)

    def corpus(self, text: str, origin: str = "") -> Corpus:
        """A text to be judged on, in the model's tokens."""
        objective, tokenizer, preprocess = objective_of(self.backbone.card)
        (tokens,) = tokenizer.encode([text])
        nothing = np.zeros(0, np.int32)
        streams = Streams(origin, origin, "", "", text, ())
        return Corpus(
            streams, tokenizer, objective, preprocess, {"train": nothing, "validation": nothing, "test": tokens}
        )

    def answer_text(self, text: str) -> tuple[str, float]:
        """The text continued by up to 64 tokens, each the likeliest; of a masked model the text with masks filled in.

        Returns:
            The new text, and the geometric mean of the probabilities of its new tokens.

        Raises:
            UsageError: A masked model was given a text without its mask token.
        """
        corpus = self.corpus(text)
        return self._continued(corpus) if corpus.objective.ahead else self._filled_in(corpus)

    def _continued(self, corpus: Corpus) -> tuple[str, float]:
        tokenizer, frame = corpus.tokenizer, corpus.frame
        room = corpus.window - frame.size
        tokens = [int(token) for token in corpus.tokens["test"]]
        given, likelihood = len(tokens), 0.0
        for _ in range(CONTINUED):
            shown = np.array(tokens[-room:], np.int32)
            logs = self._log_probabilities(frame.around(shown))[-1]
            tokens.append(int(logs.argmax()))
            likelihood += float(logs.max())
            if tokens[-1] in tokenizer.special:
                break
        whole = tokenizer.tokenizer.decode(tokens, skip_special_tokens=True)
        return whole, math.exp(likelihood / (len(tokens) - given))

    def _filled_in(self, corpus: Corpus) -> tuple[str, float]:
        tokenizer, frame = corpus.tokenizer, corpus.frame
        tokens = frame.around(corpus.tokens["test"][: corpus.window - frame.size])
        places = np.flatnonzero(tokens == tokenizer.mask)
        if not len(places):
            mask = tokenizer.tokenizer.id_to_token(tokenizer.mask)
            raise UsageError(
                f"Expected a text with {mask} in it, which this model fills in; put it where words are missing."
            )
        logs = self._log_probabilities(tokens)[places]
        tokens[places] = logs.argmax(axis=1)
        whole = tokenizer.tokenizer.decode(tokens.tolist(), skip_special_tokens=True)
        return whole, math.exp(float(logs.max(axis=1).mean()))

    def _log_probabilities(self, tokens: NDArray[np.int32]) -> NDArray[np.float32]:
        """Of every token at every place, ``(L, V)``."""
        hidden, context = self.backbone.card.preprocess.entrance()(torch.from_numpy(tokens)[None])
        with torch.inference_mode():
            logits: torch.Tensor = self.network(hidden, None, 0, context)
        found: NDArray[np.float32] = logits[0].float().log_softmax(dim=-1).numpy()
        return found


def predict_language(
    model: SavedLanguageModel,
    inputs: Sequence[Named],
    *,
    columns: Columns | None = None,
    progress: Progress | None = None,
) -> list[Prediction]:
    """Texts continued, or their masks filled in; see :meth:`SavedLanguageModel.answer_text`.

    Args:
        model: The saved model.
        inputs: Texts, files, folders, tables.
        columns: Columns of a table.
        progress: Who is told how far it is.

    Returns:
        One per text, its ``label`` the new text, then one per input that is no text.
    """
    progress = progress or Silent()
    found = read_unlabelled(inputs, wanted=model.modality, columns=columns)
    progress.start("texts", total=len(found.items))
    answers = []
    for item in found.items:
        try:
            label, confidence = model.answer_text(decode(item.source.read()).whole)
            answers.append(Prediction(item.id, label, confidence, {}))
        except (HeadstartError, OSError) as error:
            answers.append(Prediction(item.id, None, None, {}, str(error)))
        progress.advance()
    progress.finish()
    return [*answers, *map(left_out, found.ledger.excluded)]


def evaluate_language(
    model: SavedLanguageModel, data: str, *, columns: Columns | None = None, progress: Progress | None = None
) -> Evaluation:
    """The model's perplexity on running text: on its test files where there are any, else on all of it.

    Args:
        model: The saved model.
        data: A text file, or a folder of them.
        columns: Refused where any is named: running text has none.
        progress: Who is told how far it is.

    Raises:
        DataError: There is no text.
        UsageError: Columns were named.
    """
    if columns is not None:
        raise UsageError("Expected running text, which has no columns; leave them out.")
    progress = progress or Silent()
    files = text_files(Path(data))
    test = [file for file in files if split_named(file.stem) == "test"]
    corpus = model.corpus("\n".join(map(read_text, test or files)), data)
    progress.start("text")
    losses = token_losses(model.network, corpus.judged("test"))
    progress.finish(f"{len(losses):,} tokens")
    if len(losses) < 2:
        raise DataError(f"Expected at least two tokens to judge {model.run.path} on in {data}; give more text.")
    found = TokenLosses(losses, corpus.words("test") if corpus.objective.ahead else None)
    score = SummedScore(found.stretches(), perplexity_metrics(found))
    return Evaluation(data, "test" if test else "all", len(losses), score, Ledger(), ())
