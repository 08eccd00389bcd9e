"""Studies of one patient over time: which lesion is which, what changed, and how sure that is."""
