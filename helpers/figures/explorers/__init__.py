"""Figures that answer "what if?": sliders in a notebook and in the built page."""

from helpers.figures.explorers.codes import CodeExplorer
from helpers.figures.explorers.convolution import ConvolutionExplorer
from helpers.figures.explorers.kit import Explorer
from helpers.figures.explorers.laboratory import LaboratoryExplorer
from helpers.figures.explorers.lipschitz import LipschitzExplorer
from helpers.figures.explorers.normalization import NormalizationExplorer
from helpers.figures.explorers.plateau import PlateauExplorer, PlateauQuestion
from helpers.figures.explorers.race import RaceExplorer
from helpers.figures.explorers.regression import RegressionExplorer
from helpers.figures.explorers.schedules import Prompt, ScheduleExplorer
from helpers.figures.explorers.signal import SignalExplorer
from helpers.figures.explorers.softmax import SoftmaxExplorer

__all__ = [
    "CodeExplorer",
    "ConvolutionExplorer",
    "Explorer",
    "LaboratoryExplorer",
    "LipschitzExplorer",
    "NormalizationExplorer",
    "PlateauExplorer",
    "PlateauQuestion",
    "Prompt",
    "RaceExplorer",
    "RegressionExplorer",
    "ScheduleExplorer",
    "SignalExplorer",
    "SoftmaxExplorer",
]
