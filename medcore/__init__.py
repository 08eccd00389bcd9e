"""MedCore reads medical scans, runs and explains networks on them, and compares studies over time."""

__version__ = "0.1.0"
