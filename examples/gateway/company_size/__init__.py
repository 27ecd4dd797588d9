"""A company of 50,000 keys, put straight into a gateway's database, so that its figures are known without the proxy."""

from . import truth
from .fill import fill, filled_company
from .oddities import Company, DeletedKey, MovedKey

__all__ = ["Company", "DeletedKey", "MovedKey", "fill", "filled_company", "truth"]
