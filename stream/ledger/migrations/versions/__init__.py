"""The migrations, one file each, written by hand and never changed after release. A test checks their result."""
