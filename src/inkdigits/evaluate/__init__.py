"""What a classifier can do, in figures: metrics, calibration, and two models compared."""
