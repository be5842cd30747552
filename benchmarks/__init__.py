"""Benchmarks and experiments. They may import anything; nothing imports them."""
