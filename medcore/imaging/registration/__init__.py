"""Two scans of one patient on top of each other: rigid, affine or deformable, with a verdict whether to trust it."""
