"""Forms of one's own account."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from tasks.vocabulary import Scope

SCOPES = {
    Scope.ANNOTATE: _("Work: ask for it, answer it"),
    Scope.ORGANIZE: _("Run campaigns: change them, import, release"),
    Scope.READ: _("Read campaigns, results and releases"),
    Scope.ADMIN: _("Everything that an administrator may do"),
}
#: Days that a token lives; empty: until it is revoked.
LIVES = {"30": _("30 days"), "90": _("90 days"), "365": _("a year"), "": _("until I revoke it")}


class ProfileForm(forms.Form):
    display_name = forms.CharField(
        label=_("Name"),
        max_length=80,
        required=False,
        help_text=_("Members of your campaigns see it. Releases never do."),
    )

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        self.fields["display_name"].widget.attrs |= {"autocomplete": "name", "dir": "auto"}


class TokenForm(forms.Form):
    """A new token. The scope `admin` is offered to administrators alone; the service checks it again."""

    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("What it is for, so that you know it again."))
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"), choices=list(SCOPES.items()), widget=forms.CheckboxSelectMultiple
    )
    days = forms.ChoiceField(label=_("It ends after"), choices=list(LIVES.items()), required=False, initial="90")

    def __init__(self, *args: Any, is_administrator: bool = False, **given: Any) -> None:
        super().__init__(*args, **given)
        self.fields["name"].widget.attrs["dir"] = "auto"
        if not is_administrator:
            field: Any = self.fields["scopes"]
            field.choices = [choice for choice in field.choices if choice[0] != Scope.ADMIN]

    def expires_at(self, now: datetime) -> datetime | None:
        days = self.cleaned_data["days"]
        return now + timedelta(days=int(days)) if days else None
