"""Phantoms: images computed from anatomy that is written down, so that every truth about them is known."""
