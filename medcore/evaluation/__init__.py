"""How good a model is: metrics with intervals, calibration, curves, comparisons, trivial controls, unfamiliar input."""
