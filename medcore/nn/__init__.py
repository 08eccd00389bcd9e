"""The only room that knows torch: the engine, networks, explanation methods and training."""
