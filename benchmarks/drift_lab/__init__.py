"""The drift rule on real card data: when it is silent, what it finds and how soon, and what others say there."""
