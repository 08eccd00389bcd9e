"""The steps that bring a database to today's form; each file in versions/ is one step, applied by `database.py`."""
