"""One file a step, named NNNN_what.py; the greatest number is today's form."""
