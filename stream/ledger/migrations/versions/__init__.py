"""One file per migration, written by hand and never changed after its release; a test checks their result."""
