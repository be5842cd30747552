"""What history says about models, pure."""
