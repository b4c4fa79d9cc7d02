"""The networks: digit images in, logits out, each with its own scaling of pixels inside."""
