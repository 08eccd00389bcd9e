"""The screens: one file per verb of the user, run by pages/ui/shell.py."""
