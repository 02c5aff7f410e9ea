"""Decisions that took long are kept, so that a comparison goes on where it was killed."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from training.cache import cache_dir, reading, write_text_whole
from training.corpora.base import content_hash
from training.peers.base import Decisions
from training.protocols import Clips, Task


def remembered(name: str, description: Any, task: Task, decide: Callable[[Task], Decisions]) -> Decisions:
    """Return what ``decide`` says of ``task``, from the cache where the same was asked before.

    Args:
        name: Of the peer.
        description: Ready for JSON: all else that the decisions depend on, as settings, versions and code.
        task: Counts by the content, labels and speakers of its clips, and by their order.
        decide: Called only where nothing is kept.
    """
    key = [name, description, task.protocol, *map(_described, (task.train, task.validation, task.test))]
    digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]
    kept = cache_dir() / "decisions" / f"{name}-{digest}.json"
    if kept.exists():
        with reading(kept) as file:
            found = json.load(file)
            return Decisions(np.array(found["indices"], np.int64), found["settings"])
    decisions = decide(task)
    content = {"task": str(task), "settings": decisions.settings, "indices": decisions.indices.tolist()}
    write_text_whole(kept, json.dumps(content))
    return decisions


def _described(clips: Clips) -> list[tuple[str, ...]]:
    return [(content_hash(clip.path), clip.corpus, clip.speaker, clip.label) for clip in clips]
