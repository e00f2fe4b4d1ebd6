"""Addresses that somebody sends for us to go on to."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def leads_here(request: HttpRequest, address: str) -> bool:
    """Whether an address leads to this site, under the name that was asked, and is whole: no name of a page, no part."""
    is_whole = address.startswith(("/", "http://", "https://"))
    secure = request.is_secure()
    return is_whole and url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=secure)
