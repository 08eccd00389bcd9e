"""Nodules in the lungs of a CT: where one may be, its outline, its kind, and what it looks like."""
