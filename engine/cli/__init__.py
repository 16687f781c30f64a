"""The command ``allpoints``. Each module here is one command; `main` has the table of them."""
