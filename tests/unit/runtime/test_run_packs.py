"""Reading pack folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker.model.errors import ConfigError
from worker.runtime.packs import default_pack_folder, read_layer, read_layers


def test_layer_holds_yaml_files_by_their_path_without_vignettes(tmp_path: Path) -> None:
    for name in ("feeds/a.yaml", "rules/b.yml", "tests/v.yaml", "README.md"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"id: {name}\n", encoding="utf-8")
    assert read_layer(tmp_path) == {"feeds/a.yaml": "id: feeds/a.yaml\n", "rules/b.yml": "id: rules/b.yml\n"}


def test_site_folder_is_layered_over_the_default_pack(tmp_path: Path) -> None:
    layers = read_layers([tmp_path])
    assert layers == (read_layer(default_pack_folder()), {})


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="absent"):
        read_layer(tmp_path / "absent")


def test_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "feeds").mkdir()
    (tmp_path / "feeds" / "latin.yaml").write_bytes("name: é\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"latin\.yaml"):
        read_layer(tmp_path)


@pytest.mark.parametrize("name", ["ward.yaml", "feed/ward.yaml", "my/feeds/ward.yaml"])
def test_file_that_nothing_would_read_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("feed: ward\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"ward\.yaml: nothing reads this file"):
        read_layer(tmp_path)


def test_a_folder_of_links_as_kubernetes_mounts_it_is_read(tmp_path: Path) -> None:
    real = tmp_path / "..2026_11_22"
    (real / "rules").mkdir(parents=True)
    (real / "routes.yaml").write_text("routes: []\n", encoding="utf-8")
    (real / "rules" / "site.yaml").write_text("rules: []\n", encoding="utf-8")
    (tmp_path / "..data").symlink_to(real.name)
    for name in ("routes.yaml", "rules"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    assert set(read_layer(tmp_path)) == {"routes.yaml", "rules/site.yaml"}
