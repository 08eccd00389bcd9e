"""What leaves the machine carries no identity: keyed pseudonyms, moved dates, and the PS3.15 Basic Profile."""
