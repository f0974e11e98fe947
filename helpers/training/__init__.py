"""Training on torch: data, models, the loop, files, devices."""
