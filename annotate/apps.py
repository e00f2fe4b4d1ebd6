"""The one domain app."""

from django.apps import AppConfig


class AnnotateConfig(AppConfig):
    name = "annotate"
    label = "annotate"
    verbose_name = "Chorus"
    default_auto_field = "django.db.models.BigAutoField"
