"""`retail page`: the marketer's page, one HTML file made from the marts."""

from retail.page.command import page

__all__ = ["page"]
