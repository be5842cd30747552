"""The HTTP edge: payment systems that ask and wait for an answer, and the page that people look at."""
