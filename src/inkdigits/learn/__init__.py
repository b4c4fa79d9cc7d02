"""Networks, augmentation, checkpoints, the one training loop, and search over its options (PyTorch)."""
