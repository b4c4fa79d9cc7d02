"""Reading: pages to lines to digits, without PyTorch."""
