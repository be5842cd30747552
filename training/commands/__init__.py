"""The commands of `fraud-train`, a file each; `training.cli` puts them together."""
