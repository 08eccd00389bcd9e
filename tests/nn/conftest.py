"""One thread for every network in the tests: more only fight over the machine's cores."""

import torch

torch.set_num_threads(1)
