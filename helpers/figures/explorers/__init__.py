"""Figures that answer "what if?": sliders in a notebook and in the built page."""

from helpers.figures.explorers.base import Explorer
from helpers.figures.explorers.schedules import Prompt, ScheduleExplorer

__all__ = ["Explorer", "Prompt", "ScheduleExplorer"]
