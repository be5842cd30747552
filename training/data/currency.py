"""The number of minor units in one unit of each currency."""

#: Number of decimal digits by currency code (ISO 4217, list one), for currencies that do not have two.
_DIGITS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV"), 0
    ),
    **dict.fromkeys(("XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
_USUAL_DIGITS = 2


def minor_per_unit(currency: str) -> int:
    """Return the number of minor units in one unit of a currency.

    >>> [minor_per_unit(code) for code in ("EUR", "JPY", "KWD")]
    [100, 1, 1000]
    """
    return int(10 ** _DIGITS.get(currency, _USUAL_DIGITS))
