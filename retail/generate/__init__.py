"""Sample data: the CSV files of a made-up retailer, with faults put in on purpose, and a manifest of what to find.

``core`` holds dice and rows, ``values`` the words and the bad values, ``masters`` the five master tables, ``sales`` the
clean stream of transactions, ``faults`` what is done to a transaction, ``redemptions`` what customers do with points,
``stock`` what lies in the stores, ``output`` the files, ``command`` the CLI. With ``--behaviour rhythms``, ``shoppers``
decides who comes when, ``demand`` what they buy, and ``rhythms`` makes the transactions.
"""

from retail.generate.command import generate

__all__ = ["generate"]
