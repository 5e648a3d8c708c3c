from __future__ import annotations

from worker.runtime.pack_in_use import PackInUse
from worker.storage.memory import MemoryState

LEASE_S = 30.0


def of(store: MemoryState, digest: str) -> PackInUse:
    return PackInUse(store, digest, 0, is_shared=True, lease_s=LEASE_S, ask_every_s=0)


def test_a_worker_alone_uses_its_pack_at_once() -> None:
    store = MemoryState()
    assert PackInUse(store, "one", 0, is_shared=False).is_ours(0)
    assert not store.use_pack("one", 0)


def test_workers_of_one_pack_share_it() -> None:
    store = MemoryState()
    assert of(store, "one").is_ours(0)
    assert of(store, "one").is_ours(0)


def test_a_newer_pack_waits_until_nobody_uses_the_old_one() -> None:
    now_s = 0.0
    store = MemoryState()
    store._seconds = lambda: now_s
    old, new = of(store, "old"), of(store, "new")
    assert old.is_ours(0)
    assert not new.is_ours(0)
    assert not store.use_pack("old", 0), "the one in use stays in use"
    now_s += LEASE_S
    assert new.is_ours(0)
    assert not of(store, "old").is_ours(0), "an old worker that restarts changes nothing"
    assert not old.is_ours(0)
    assert not store.use_pack("new", 0)
