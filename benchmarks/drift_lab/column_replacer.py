"""Windows of which one column is exchanged: only that one is measured again."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.manifest import Manifest
from stream.drift.binning import BinnedColumn, Binning, Counts
from stream.drift.significance import holm
from stream.drift.statistics import DriftStatistics, WindowStatistics


class Others:
    """What is known of a bank's windows, whichever of their features is exchanged.

    Args:
        manifest: Of the bundle.
        counts: (w, width) of the windows.
    """

    def __init__(self, manifest: Manifest, counts: Counts) -> None:
        grid = Binning(manifest)
        measure = DriftStatistics(grid)
        self._names = measure.names
        self._alone = {
            feature.name: DriftStatistics(Binning(_only(manifest, feature.name))) for feature in manifest.features
        }
        self._measured = measure.measure(counts)
        # Holm's correction looks at all columns, so what it was made of is needed.
        self._raw_p = np.full(self._measured.p.shape, np.nan)
        for place, column in enumerate(grid.features):
            self._raw_p[:, place] = self._measure(column, counts[:, column.start : column.stop]).p[:, 0]
        score = DriftStatistics(Binning(msgspec.structs.replace(manifest, reference={})))
        self._raw_p[:, -1] = score.measure(_scores_only(grid, counts)).p[:, -1]

    def with_column(self, windows: NDArray[np.intp], column: BinnedColumn, counts: Counts) -> WindowStatistics:
        """Return the statistics of windows as if one feature's counts had been others.

        Args:
            windows: (...,) places of windows of the bank.
            column: Of the feature.
            counts: (..., places) of it, in place of the windows' own.
        """
        place = self._names.index(column.name)
        alone, known = self._measure(column, counts), self._measured
        raw = self._raw_p[windows]
        raw[..., place] = alone.p[..., 0]
        psi, distance, missing = known.psi[windows], known.distance[windows], known.missing[windows]
        psi[..., place], distance[..., place] = alone.psi[..., 0], alone.distance[..., 0]
        missing[..., place] = alone.missing[..., 0]
        return WindowStatistics(known.rows[windows], psi, distance, holm(raw), missing)

    def _measure(self, column: BinnedColumn, counts: Counts) -> WindowStatistics:
        # Beside it stands the score without a reference, which has two places.
        beside = np.zeros((*counts.shape[:-1], 2), dtype=np.int64)
        return self._alone[column.name].measure(np.concatenate([counts, beside], axis=-1))


def _only(manifest: Manifest, name: str) -> Manifest:
    features = tuple(feature for feature in manifest.features if feature.name == name)
    references = {name: manifest.reference[name]}
    return msgspec.structs.replace(manifest, features=features, reference=references, score_reference=None)


def _scores_only(grid: Binning, counts: Counts) -> Counts:
    """Return counts (w, width) by bins of which only the score's have edges: every value of a feature is in one bin."""
    values = [
        np.stack([own[:, :-1].sum(axis=1), own[:, -1]], axis=1)
        for own in (counts[:, column.start : column.stop] for column in grid.features)
    ]
    return np.concatenate([*values, counts[:, grid.score.start :]], axis=1)
