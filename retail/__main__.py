"""`python -m retail` is `retail`."""

from retail.cli import main

main(prog_name="retail")
