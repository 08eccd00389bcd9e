"""Training: labelled pictures and a recipe become a model folder with card, weights and evaluation."""
