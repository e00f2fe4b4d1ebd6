"""Fixtures for the tests of pages."""

from tests.web.widget_browser import desk, widget_browser, widget_site

__all__ = ["desk", "widget_browser", "widget_site"]
