"""The quick reader of YAML and the one that judges: the same values and places, or the quick one leaves the file alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.decode import located_yaml, quick_yaml
from worker.decode.located_yaml import Located, load_yaml
from worker.model.errors import PackError
from worker.runtime.packs import default_pack_folder

_PIECES = (
    *("a", "b: ", "key:", ": ", "- ", "? ", "\n", "\n  ", "\n    ", "\r\n", " ", "\t", ",", ", ", "{", "}", "[", "]"),
    *('"', "'", '""', "''", "#", " # c", "|", ">", "|-\n", "&x ", "*x", " *x", ": &y ", "*y", "!"),
    *("!!str ", "%", "---", "...", "\\n", "\\/"),
    *("0", "01", "1.5", "1e3", "-1", "+1", ".5", ".inf", "0x1F", "1_000", "12:30", "8310-5", "2026-01-05", "true", "no"),
    *("null", "~", "=", "<<", "é", "😀", "\u00a0", "\u2028", "\ufeff", "x:y", "a#b", "::", "$n", "@", "`"),
)  # fmt: skip


def quickly(text: str) -> tuple[object, object, object] | None:
    """Read a text with the quick reader."""
    return quick_yaml.read_quickly(text, located_yaml.MAX_NODES, located_yaml.MAX_DEPTH)


def slowly(text: str) -> Located | None:
    """Read a text with the reader that judges; None where it refuses it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(located_yaml, "read_quickly", lambda *_: None)
        try:
            return load_yaml(text, "a.yaml")
        except PackError:
            return None


def assert_same(text: str) -> bool:
    """Compare what both read; tell whether the quick reader took the text."""
    quick = quickly(text)
    if quick is None:
        return False
    slow = slowly(text)
    assert slow is not None, text
    assert repr(quick) == repr((slow.data, slow.values, slow.keys)), text
    return True


@given(st.lists(st.sampled_from(_PIECES), max_size=14).map("".join))
def test_no_text_is_read_in_two_ways(text: str) -> None:
    assert_same(text)


@pytest.mark.parametrize("file", ["concepts/units.yaml", "rules/definitions.yaml", "feeds/default.yaml"])
def test_a_file_of_the_default_pack_is_plain_and_read_the_same(file: str) -> None:
    assert assert_same((default_pack_folder() / file).read_text(encoding="utf-8"))


@pytest.mark.slow
def test_every_file_of_the_default_pack_is_plain_and_read_the_same() -> None:
    files = sorted(default_pack_folder().rglob("*.yaml"))
    assert len(files) > 50
    left = [file.name for file in files if not assert_same(file.read_text(encoding="utf-8"))]
    assert left == []


@pytest.mark.parametrize(
    "text",
    [
        *("a: [*x]", "a: &x [*x]", "a: &x 1\nb: &x 2", "{&x a: 1}", "{a: &x b, *x : 1}", "a: &xx:y"),
        *("a: !t 1", "a: |\n  b\n", "a: >\n  b\n", "a:\n", "a: 0x1F", "a: 01", "a: .inf", "a: ="),
        "<<: 1",
        *("a: 1\na: 2\n", "a: [", "%YAML 1.1\n---\na: yes\n", "a: 1\n---\nb: 2\n", "", "\x00", "\ud800", "a:\t1", "a: b\x85c"),
    ],
)  # fmt: skip
def test_what_is_not_plain_is_left_to_the_other(text: str) -> None:
    assert quickly(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [1, {b: c}]\nd: *x\ne: {f: *x}\n",
        "- &x {a: 1}\n- [*x, *x]\n",
        "a: &x 1\nb: &y [*x, 2]\nc: *y\n",
        "a: &x\n  b: 1\nc: *x\n",
    ],
)
def test_an_anchor_is_read_the_same(text: str) -> None:
    assert assert_same(text)


def test_what_an_anchor_names_is_a_copy_within_the_limits() -> None:
    data = load_yaml("a: &x [1]\nb: *x\n", "a.yaml").data
    assert isinstance(data, dict)
    assert data["a"] is not data["b"]
    assert quick_yaml.read_quickly("[&x [1, 2], *x]", 7, 40) is not None
    assert quick_yaml.read_quickly("[&x [1, 2], *x]", 6, 40) is None
    assert quick_yaml.read_quickly("[&x [1], [*x]]", 99, 3) is not None
    assert quick_yaml.read_quickly("[&x [1], [*x]]", 99, 2) is None


def test_too_deep_and_too_many_is_left_to_the_other() -> None:
    assert quickly("[" * 39 + "1" + "]" * 39) is not None
    assert quickly("[" * 41 + "1" + "]" * 41) is None
    assert quick_yaml.read_quickly("[1, 2, 3]", 4, 40) is not None
    assert quick_yaml.read_quickly("[1, 2, 3]", 3, 40) is None


def test_without_the_c_library_files_are_read_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: [1, x]\n"
    quick = load_yaml(text, "a.yaml")
    monkeypatch.setattr(quick_yaml, "CParser", None)
    assert quickly(text) is None
    assert load_yaml(text, "a.yaml") == quick
