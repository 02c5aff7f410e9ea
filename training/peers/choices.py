"""The peers that a comparison has: two sets of functionals, each normalised in two ways, and who does not listen."""

from training.peers.base import Peer
from training.peers.functionals import FeatureSet, FunctionalStore
from training.peers.majority import Majority
from training.peers.normalisation import by_speaker, by_training_clips
from training.peers.svm import SvmGrid, SvmPeer

_SETS: tuple[tuple[FeatureSet, str, int], ...] = (("eGeMAPSv02", "egemaps", 88), ("ComParE_2016", "compare2016", 6373))

_NORMALISATIONS = {
    "global": (by_training_clips, "normalised by mean and deviation of the training clips"),
    "speaker": (
        by_speaker,
        "normalised per speaker: it sees all unlabelled clips of the test speaker before it decides",
    ),
}


def default_peers(num_processes: int | None = None) -> list[Peer]:
    """Return them in the order of the table; functionals are made in ``num_processes``, by default all processors."""
    peers: list[Peer] = []
    for feature_set, short, num_columns in _SETS:
        store = FunctionalStore(feature_set, num_processes)
        for way, (normalise, seen) in _NORMALISATIONS.items():
            title = f"openSMILE {feature_set}, {num_columns} functionals of the whole clip, and an RBF SVM, {seen}."
            peers.append(SvmPeer(f"{short}-svm-{way}", title, store, normalise, SvmGrid()))
    return [*peers, Majority()]
