"""The basis of verdicts: the tables of a study, the roles that its models play, and cell means of a quantity per seed and class."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from gazeshift.claims.roles import Roles
from gazeshift.statistics import auroc


@dataclass(frozen=True)
class Tables:
    """The tables of a study.

    Attributes:
        roles: which model plays which role.
        seeds: training seeds.
        classes: class names.
        predictions: model, seed, split, key, label, correct.
        changes: measures as ``gazeshift.study.summary.with_changes`` gives them.
        information: model, seed, texts, label, static, image, text, total (``gazeshift.evaluation.information``).
        modifiers: model, seed, key, label, kind, word, truth, js_distance, coverage_change, within (``gazeshift.evaluation.modifiers``).
        equivariance: model, seed, label, slope (``gazeshift.evaluation.equivariance``).
        prompts: seed, key, label, edit, fusion, image: how far a switch of the class moves each model's map (``gazeshift.claims.prompts``).
        retrained: model, key, label, seed, js_distance: between maps of the same image from two training seeds.
    """

    roles: Roles
    seeds: Sequence[int]
    classes: Sequence[str]
    predictions: pd.DataFrame
    changes: pd.DataFrame
    information: pd.DataFrame = field(default_factory=pd.DataFrame)
    modifiers: pd.DataFrame = field(default_factory=pd.DataFrame)
    equivariance: pd.DataFrame = field(default_factory=pd.DataFrame)
    prompts: pd.DataFrame = field(default_factory=pd.DataFrame)
    retrained: pd.DataFrame = field(default_factory=pd.DataFrame)

    def own(self, role: str) -> pd.DataFrame:
        """Measures of a model with the pairs' own texts; empty if no model plays the role."""
        return self.of(self.changes[self.changes["edit"] == "original"], role)

    def edit(self, role: str, edit: str) -> pd.DataFrame:
        """Measures of a model with changed texts."""
        return self.of(self.changes[self.changes["edit"] == edit], role)

    def test(self, role: str) -> pd.DataFrame:
        """Predictions of a model on the test pairs."""
        return self.of(self.predictions[self.predictions["split"] == "test"], role)

    def of(self, rows: pd.DataFrame, role: str) -> pd.DataFrame:
        """The rows of the model that plays a role; none if no model does."""
        return rows if rows.empty else rows[rows["model"] == self.roles.get(role)]

    def cells(self, rows: pd.DataFrame, value: str) -> "Cells":
        """Means of a column over the images of each (seed, class), without NaN values."""
        if rows.empty or value not in rows:
            return Cells(np.full((len(self.seeds), len(self.classes)), np.nan), np.zeros(len(self.classes), int))
        known = rows[rows[value].notna()]
        table = known.astype({value: float}).pivot_table(index="seed", columns="label", values=value, aggfunc="mean")
        table = table.reindex(index=list(self.seeds), columns=list(self.classes))
        counts = known.groupby("label")["key"].nunique() if "key" in known else pd.Series(dtype=int)
        return Cells(table.to_numpy(float), counts.reindex(list(self.classes), fill_value=0).to_numpy(int))

    def difference(self, first: pd.DataFrame, second: pd.DataFrame, value: str, other: str | None = None) -> "Cells":
        """Cell means of ``first - second``, image by image where both are defined.

        Args:
            first: rows of seed, key, label and ``value``.
            second: the same.
            value: the column.
            other: the column of ``second``; None: the same.
        """
        if first.empty or second.empty or value not in first or (other or value) not in second:
            return self.cells(first.iloc[:0], value)
        right = second[["seed", "key", other or value]].rename(columns={other or value: "second"})
        both = first[["seed", "key", "label", value]].merge(right, on=["seed", "key"])
        return self.cells(
            both.assign(difference=both[value].astype(float) - both["second"].astype(float)), "difference"
        )

    def separation(self, first: pd.DataFrame, second: pd.DataFrame, value: str) -> "Cells":
        """How reliably ``first`` exceeds ``second`` in each cell: the AUROC over its images, minus one half; 0 where they do not differ.

        Args:
            first: rows of seed, key, label and ``value``.
            second: the same for the noise floor; not compared image by image.
            value: the column.
        """
        if first.empty or second.empty or value not in first or value not in second:
            return self.cells(first.iloc[:0], value)

        def of(rows: pd.DataFrame, seed: int, label: str) -> np.ndarray:
            return rows.loc[(rows["seed"] == seed) & (rows["label"] == label), value].to_numpy(float)

        values = [
            [auroc(of(first, seed, label), of(second, seed, label)) - 0.5 for label in self.classes]
            for seed in self.seeds
        ]
        return Cells(np.array(values), self.cells(first, value).counts)


@dataclass(frozen=True)
class Cells:
    """Cell means.

    Attributes:
        values: one row per training seed, one column per class; NaN where nothing was defined.
        counts: number of images per class.
    """

    values: Float[np.ndarray, "seeds classes"]
    counts: Int[np.ndarray, " classes"]

    @property
    def images(self) -> int:
        """Number of images included: those of the classes without an empty cell."""
        return int(self.counts[np.isfinite(self.values).all(0)].sum())

    @property
    def empty(self) -> bool:
        """Whether nothing was defined at all."""
        return not np.isfinite(self.values).any()

    def minus(self, other: "Cells") -> "Cells":
        """Cell by cell."""
        return Cells(self.values - other.values, np.minimum(self.counts, other.counts))
