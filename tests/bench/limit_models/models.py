"""The three tables of the bare application."""

from django.conf import settings
from django.db import models


class Item(models.Model):
    payload = models.JSONField()
    state = models.SmallIntegerField(default=0)
    n_answers = models.IntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["state", "n_answers", "id"], name="item_next")]


class Assignment(models.Model):
    item = models.ForeignKey(Item, on_delete=models.CASCADE)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField()
    done = models.BooleanField(default=False)


class Answer(models.Model):
    assignment = models.OneToOneField(Assignment, on_delete=models.CASCADE)
    item = models.ForeignKey(Item, on_delete=models.CASCADE)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    payload = models.JSONField()
    created = models.DateTimeField(auto_now_add=True)
