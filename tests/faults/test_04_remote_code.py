"""Fault 4, the part about code: a repository that brings some is read for its weights alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import timm
from safetensors.torch import save
from tests.backbones.sources.hf_models import change_json, classifier
from tests.backbones.sources.hf_models import save as save_model
from tests.servers import TIMM_REPOSITORY, HubServer, load_from_timm, own_hub

from headstart.backbones.conversion import open_source
from headstart.backbones.sources.contract import Request
from headstart.core.errors import UnknownNameError


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with own_hub(tmp_path, monkeypatch) as hub:
        yield hub


def test_code_beside_the_weights_is_neither_fetched_nor_run(hub: HubServer, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    hub.commit(
        TIMM_REPOSITORY,
        model__safetensors=save(timm.create_model("mobilenetv3_small_050").state_dict()),
        config__json=b'{"auto_map": {"AutoModel": "modeling.Model"}, "trust_remote_code": true}',
        modeling__py=f"open({str(mark)!r}, 'w')".encode(),
    )
    load_from_timm()
    names = {path.rpartition("/")[2] for _, path, _ in hub.asked if "/resolve/" in path}
    assert names == {"model.safetensors"}
    assert not mark.exists()


@pytest.mark.parametrize("setting", ["attn_implementation", "_attn_implementation", "_attn_implementation_internal"])
def test_a_configuration_cannot_ask_for_a_kernel_from_the_hub(setting: str, tmp_path: Path) -> None:
    folder = save_model(classifier("vit"), tmp_path / "model")
    change_json(folder / "config.json", **{setting: "owner/kernel@main"})
    assert open_source(Request.parse(f"hf:{folder}"))[1].library == "transformers"


@pytest.mark.parametrize("name", ["hf-hub:owner/model", "hf_hub:owner/model", "local-dir:/tmp/model"])
def test_names_through_which_timm_would_read_any_repository_are_no_architectures(hub: HubServer, name: str) -> None:
    with pytest.raises(UnknownNameError, match="timm architecture"):
        open_source(Request.parse(f"timm:{name}"))
    assert hub.asked == []
