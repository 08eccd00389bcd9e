"""The study store: facts in a database, arrays as content-addressed files beside it."""
