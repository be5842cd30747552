"""Computes the statistics of windows in which one column is replaced, by measuring only that column again."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.manifest import Manifest
from stream.drift.binning import BinnedColumn, Binning, Counts
from stream.drift.significance import holm
from stream.drift.statistics import DriftStatistics, WindowStatistics


class ColumnReplacer:
    """Precomputed statistics of windows, from which the statistics with one replaced column follow quickly.

    Args:
        manifest: Manifest of the bundle whose reference the windows are compared with.
        counts: (w, width) bin counts of the windows.
    """

    def __init__(self, manifest: Manifest, counts: Counts) -> None:
        binning = Binning(manifest)
        statistics = DriftStatistics(binning)
        self._names = statistics.names
        self._single = {
            feature.name: DriftStatistics(Binning(_single_feature(manifest, feature.name)))
            for feature in manifest.features
        }
        self._measured = statistics.measure(counts)
        # Holm's correction involves all columns, so the uncorrected p-values are needed.
        self._raw_p = np.full(self._measured.p.shape, np.nan)
        for index, column in enumerate(binning.features):
            self._raw_p[:, index] = self._measure(column, counts[:, column.start : column.stop]).p[:, 0]
        score = DriftStatistics(Binning(msgspec.structs.replace(manifest, reference={})))
        self._raw_p[:, -1] = score.measure(_scores_only(binning, counts)).p[:, -1]

    def replace(self, windows: NDArray[np.intp], column: BinnedColumn, counts: Counts) -> WindowStatistics:
        """Return the statistics of windows after replacing the counts of one feature.

        Args:
            windows: (...,) indices of the windows.
            column: Column of the feature to replace.
            counts: (..., bins) counts that replace those in the windows.
        """
        index = self._names.index(column.name)
        replaced, original = self._measure(column, counts), self._measured
        raw_p = self._raw_p[windows]
        raw_p[..., index] = replaced.p[..., 0]
        psi, distance, missing = original.psi[windows], original.distance[windows], original.missing[windows]
        psi[..., index], distance[..., index] = replaced.psi[..., 0], replaced.distance[..., 0]
        missing[..., index] = replaced.missing[..., 0]
        return WindowStatistics(original.rows[windows], psi, distance, holm(raw_p), missing)

    def _measure(self, column: BinnedColumn, counts: Counts) -> WindowStatistics:
        # The score comes after the feature. Without a reference, the score has two bins, which stay empty.
        score_counts = np.zeros((*counts.shape[:-1], 2), dtype=np.int64)
        return self._single[column.name].measure(np.concatenate([counts, score_counts], axis=-1))


def _single_feature(manifest: Manifest, name: str) -> Manifest:
    features = tuple(feature for feature in manifest.features if feature.name == name)
    references = {name: manifest.reference[name]}
    return msgspec.structs.replace(manifest, features=features, reference=references, score_reference=None)


def _scores_only(binning: Binning, counts: Counts) -> Counts:
    """Merge the bins of each feature in (w, width) counts, so that only the score is still counted in several bins."""
    values = [
        np.stack([feature[:, :-1].sum(axis=1), feature[:, -1]], axis=1)
        for feature in (counts[:, column.start : column.stop] for column in binning.features)
    ]
    return np.concatenate([*values, counts[:, binning.score.start :]], axis=1)
