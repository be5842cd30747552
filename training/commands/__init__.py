"""The commands of `fraud-train`, one file each."""
