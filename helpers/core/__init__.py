"""The ground floor: checks of arguments, hyperparameters, one formula for many readers."""
