"""Dates and numbers in Arabic, in the signs that Django's own format lacks or sets unlike everybody's habit.

Numbers are written with Western digits, so they take the marks that go with those: 1,234.5.
"""

DATE_FORMAT = "j F Y"
DATETIME_FORMAT = "j F Y، H:i"
TIME_FORMAT = "H:i"
SHORT_DATETIME_FORMAT = "d\u200f/m\u200f/Y H:i"
DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
