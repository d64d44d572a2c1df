"""Text models of transformers from folders; no test here asks the network for anything."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.backbones.small_texts import SMALL, TYPED, save, source_model
from tests.backbones.sources.hf_models import change_json
from tests.servers import HubServer, own_hub

from headstart.backbones.catalog import open_backbone
from headstart.backbones.conversion import open_source
from headstart.backbones.sources.contract import Request
from headstart.backbones.sources.hf import HfSource
from headstart.backbones.text_preprocess import TOKENIZER, tokenise
from headstart.core.assets import asset
from headstart.core.errors import UnavailableError, WeightsError


def request(folder: Path) -> Request:
    return Request.parse(f"hf:{folder}")


def write_modules(folder: Path, *kinds: str, pooling: dict[str, Any] | None = None, **sentences: Any) -> None:
    """The files of sentence-transformers."""
    modules = [{"idx": place, "type": f"sentence_transformers.models.{kind}"} for place, kind in enumerate(kinds)]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": 32, **(pooling or {})}))
    (folder / "sentence_bert_config.json").write_text(json.dumps(sentences))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save(source_model("bert"), tmp_path / "model")


@pytest.mark.parametrize("family", SMALL)
def test_token_states_are_those_of_the_library(family: str, tmp_path: Path) -> None:
    source = source_model(family)
    backbone, card = open_source(request(save(source, tmp_path)))
    hidden, context = card.preprocess.entrance()(torch.from_numpy(card.preprocess.random_inputs(4, seed=1)))
    real, padding = context >= 0, source.config.pad_token_id or 0
    ids, types = (context % (1 << 24)).where(real, padding), (context // (1 << 24)).where(real, 0)
    base = source.encoder if family == "t5" else source.base_model
    typed = {"token_type_ids": types} if family in TYPED else {}
    with torch.inference_mode():
        expected = base(input_ids=ids, attention_mask=real.long(), **typed).last_hidden_state
        found = backbone(hidden, stop="pool", context=context)
    torch.testing.assert_close(found[real], expected[real])
    assert expected[real].std() > 0.1
    assert (card.library, card.preprocess.vocabulary) == ("transformers_text", 90)
    assert card.top.name == "pool"


def test_the_card_says_what_the_folder_says(folder: Path) -> None:
    (folder / "README.md").write_text("---\nlicense: mit\ndatasets:\n- bookcorpus\n- wikipedia\n---\n# Words\n")
    converted = open_backbone(f"hf:{folder}")
    card = converted.card
    assert card.architecture == SMALL["bert"]
    assert (card.licence, card.pretraining) == ("mit", "bookcorpus, wikipedia")
    assert card.source.startswith(f"the folder {folder} (left out: cls.predictions.")
    assert "pooler.dense.weight" in card.source
    assert "Devlin" in card.paper
    assert card.preprocess.most_tokens == 512
    assert asset(card.preprocess.assets[TOKENIZER]).read_bytes() == (folder / "tokenizer.json").read_bytes()
    hidden, context = card.preprocess.entrance()(torch.from_numpy(card.preprocess.random_inputs(2)))
    with torch.inference_mode():
        found = converted.load()(hidden, context=context)
        torch.testing.assert_close(found, open_source(request(folder))[0](hidden, context=context))


def test_once_converted_it_is_found_and_tokenises_without_torch_and_transformers(folder: Path) -> None:
    open_backbone(f"hf:{folder}")
    program = (
        "import sys; from headstart.backbones.catalog import open_backbone\n"
        "from headstart.backbones.text_preprocess import tokenise\n"
        f"print(tokenise(open_backbone('hf:{folder}').card.preprocess, [('w0', 'w1')])[0].tolist())\n"
        "print(sorted({'torch', 'transformers', 'huggingface_hub'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == [str([2, 4, 3, (1 << 24) + 5, (1 << 24) + 3]), "[]"]


@pytest.mark.parametrize(
    ("kinds", "pooling", "expected"),
    [
        (["Transformer", "Pooling"], {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "'cls')"),
        (["Transformer", "Pooling", "Normalize"], {"pooling_mode_max_tokens": True}, "'max', unit_length=True)"),
        (["Transformer", "Pooling"], {"pooling_mode": "lasttoken"}, "'last')"),
    ],
)
def test_pooling_follows_the_files_of_sentence_transformers(
    kinds: list[str], pooling: dict[str, Any], expected: str, folder: Path
) -> None:
    write_modules(folder, *kinds, pooling=pooling, max_seq_length=24)
    card = open_source(request(folder))[1]
    assert card.architecture.endswith(f"pooling={expected}")
    assert card.preprocess.most_tokens == 24
    assert len(tokenise(card.preprocess, [("w1 " * 60,)])[0]) == 24


@pytest.mark.parametrize(
    ("kinds", "pooling", "reason"),
    [
        (["Transformer", "Pooling", "Dense"], {"pooling_mode": "mean"}, "lists Transformer, Pooling, Dense"),
        (["Transformer", "Pooling"], {"pooling_mode": ["mean", "max"]}, "asks for mean and max"),
        (["Transformer", "Pooling"], {"pooling_mode_weightedmean_tokens": True}, "asks for pooling_mode_weightedmean"),
    ],
)
def test_pooling_that_is_not_offered_is_refused(
    kinds: list[str], pooling: dict[str, Any], reason: str, folder: Path
) -> None:
    write_modules(folder, *kinds, pooling=pooling)
    with pytest.raises(UnavailableError, match=reason):
        open_source(request(folder))


def test_lower_case_before_the_tokenizer_is_refused(folder: Path) -> None:
    write_modules(folder, "Transformer", "Pooling", pooling={"pooling_mode": "mean"}, do_lower_case=True)
    with pytest.raises(UnavailableError, match="asks for lower case"):
        open_source(request(folder))


@pytest.mark.parametrize(("family", "expected"), [("bert", "mean"), ("gpt2", "last"), ("t5", "mean")])
def test_where_nobody_says_encoders_take_the_mean_and_decoders_the_last(
    family: str, expected: str, tmp_path: Path
) -> None:
    blueprint = HfSource().blueprint(request(save(source_model(family), tmp_path)))
    assert blueprint.architecture.endswith(f"pooling='{expected}')")


def test_a_changed_tokenizer_or_pooling_is_converted_again(folder: Path) -> None:
    stamps = {HfSource().stamp(request(folder))}
    write_modules(folder, "Transformer", "Pooling", pooling={"pooling_mode": "mean"})
    stamps.add(HfSource().stamp(request(folder)))
    (folder / "tokenizer.json").write_text((folder / "tokenizer.json").read_text() + "\n")
    stamps.add(HfSource().stamp(request(folder)))
    assert len(stamps) == 3


def test_the_decoder_of_t5_is_left_out_and_said(tmp_path: Path) -> None:
    card = open_source(request(save(source_model("t5"), tmp_path)))[1]
    assert "the decoder's 41 tensors" in card.source


def test_what_old_files_hold_and_nothing_reads_is_left_out(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    save_file({**tensors, "bert.embeddings.position_ids": torch.arange(512)[None]}, folder / "model.safetensors")
    open_source(request(folder))
    save_file({**tensors, "bert.encoder.layer.9.weight": torch.ones(2)}, folder / "model.safetensors")
    with pytest.raises(WeightsError, match=r"unexpected: encoder\.layer\.9\.weight"):
        open_source(request(folder))
    del tensors["bert.encoder.layer.1.output.dense.weight"]
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(WeightsError, match=r"missing: encoder\.layer\.1\.output\.dense\.weight"):
        open_source(request(folder))


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_code_from_a_repository_is_refused_and_not_run(file: str, folder: Path) -> None:
    """Fault 4."""
    (folder / "code.py").write_text(f"open({str(folder / 'was_run')!r}, 'w')")
    if not (folder / file).exists():
        (folder / file).write_text("{}")
    change_json(folder / file, auto_map={"AutoConfig": "code.Config", "AutoTokenizer": ["code.Tokenizer", None]})
    with pytest.raises(UnavailableError, match=r"auto_map, trust_remote_code.*never runs code"):
        open_source(request(folder))
    assert not (folder / "was_run").exists()


def test_a_decoder_under_an_encoders_name_is_refused(folder: Path) -> None:
    change_json(folder / "config.json", is_decoder=True)
    with pytest.raises(UnavailableError, match="is_decoder"):
        open_source(request(folder))


class TestHub:
    """The same folder as a repository of the hub."""

    @pytest.fixture
    def hub(self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
        (folder / "modeling.py").write_text("raise SystemExit")
        with own_hub(tmp_path, monkeypatch) as hub:
            hub.commit(
                "somebody/words", **{file.name.replace(".", "__"): file.read_bytes() for file in folder.iterdir()}
            )
            yield hub

    def test_it_is_what_the_folder_is_and_no_code_is_fetched(self, folder: Path, hub: HubServer) -> None:
        card = open_source(Request.parse("hf:somebody/words"))[1]
        ours = open_source(request(folder))[1]
        assert (card.sha256, card.architecture, card.preprocess) == (ours.sha256, ours.architecture, ours.preprocess)
        asked = {path.rpartition("/")[2] for _, path, _ in hub.asked if "/resolve/" in path}
        assert "modeling.py" not in asked
        assert {"config.json", "tokenizer.json", "modules.json", "model.safetensors"} <= asked

    def test_once_asked_for_it_needs_no_connection(self, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
        first = open_source(Request.parse("hf:somebody/words"))[1]
        monkeypatch.setenv("HEADSTART_OFFLINE", "1")
        assert open_source(Request.parse("hf:somebody/words"))[1] == first
