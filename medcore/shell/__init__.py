"""The verbs of the command line, one file each; medcore/__main__.py collects them."""
