"""The commands of `fraud-stream`; `stream.cli` says where each is."""
