"""The same model behind others' servers, for comparison; runs in a virtual environment of its own."""
