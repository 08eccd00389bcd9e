"""One script per promise about speed; each prints ratios that it measured in one run."""
