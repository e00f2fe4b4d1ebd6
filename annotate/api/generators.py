"""Generators of the site over HTTP: administrators' records, whose names organizers may read."""

from __future__ import annotations

from typing import Any

from django.urls import path
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import require_account, require_administrator
from annotate.api.campaigns import read_object, take_reason
from annotate.api.generator_shapes import GeneratorBody, GeneratorChangeBody, GeneratorEntry, GeneratorShape
from annotate.api.schema import operation
from annotate.api.serializers import PageQuery, page_of, read_query, take_page
from annotate.api.views import ApiView
from annotate.exceptions import NotAllowed
from annotate.models import Generator
from annotate.queries.campaigns import is_organizer, list_site_generators
from annotate.services.generators import (
    change_generator,
    check_found,
    create_generator,
    delete_generator,
    describe_generator,
)
from tasks.vocabulary import Scope

ADMINISTERING = (Scope.ADMIN,)
ENTRY_FIELDS = ("name", "engine", "model", "revision", "enabled")


class Generators(ApiView):
    @operation(
        "list_generators",
        summary="List the generators that campaigns can name",
        query=PageQuery,
        responses={200: page_of(GeneratorEntry)},
        scopes=(Scope.ORGANIZE,),
        tag="generators",
    )
    def get(self, request: Request) -> Response:
        """For organizers of a campaign and for administrators. Endpoints are told to administrators alone."""
        user = require_account(self.actor)
        if not user.is_administrator and not is_organizer(user_id=user.pk):
            raise NotAllowed("Only organizers of a campaign may do this.", code="role_missing")
        rows, following = take_page(list_site_generators(), newest_first=False, **read_query(request, PageQuery))
        return Response({"results": [present_entry(row) for row in rows], "next": following})

    @operation(
        "create_generator",
        summary="Make a generator",
        request=GeneratorBody,
        responses={201: GeneratorShape},
        errors={409: "`generator_name_taken`."},
        scopes=ADMINISTERING,
        tag="generators",
    )
    def post(self, request: Request) -> Response:
        """The key is never sent: name the environment variable that holds it where candidates are generated."""
        require_administrator(self.actor)
        body = read_object(request)
        reason = take_reason(body)
        generator = create_generator(values=body, actor=self.actor, reason=reason)
        return Response(present_generator(generator), status.HTTP_201_CREATED)


class GeneratorDetail(ApiView):
    @operation(
        "get_generator",
        summary="Read a generator",
        responses={200: GeneratorShape},
        scopes=ADMINISTERING,
        tag="generators",
    )
    def get(self, request: Request, generator: int) -> Response:
        """For administrators."""
        require_administrator(self.actor)
        return Response(present_generator(check_found(list_site_generators().filter(pk=generator).first())))

    @operation(
        "change_generator",
        summary="Change a generator",
        request=GeneratorChangeBody,
        responses={200: GeneratorShape},
        errors={409: "`generator_name_taken`; `generator_in_use`: its model and sampling are fixed."},
        scopes=ADMINISTERING,
        tag="generators",
    )
    def patch(self, request: Request, generator: int) -> Response:
        """What a text came from is fixed once the generator has been asked: make another one instead."""
        require_administrator(self.actor)
        body = read_object(request)
        reason = take_reason(body)
        changed = change_generator(generator_id=generator, values=body, actor=self.actor, reason=reason)
        return Response(present_generator(changed))

    @operation(
        "delete_generator",
        summary="Delete a generator that was never asked",
        responses={204: None},
        errors={409: "`generator_in_use`: disable it instead."},
        scopes=ADMINISTERING,
        tag="generators",
    )
    def delete(self, request: Request, generator: int) -> Response:
        """For administrators."""
        require_administrator(self.actor)
        delete_generator(generator_id=generator, actor=self.actor)
        return Response(status=status.HTTP_204_NO_CONTENT)


def present_entry(generator: Generator) -> dict[str, Any]:
    return {"id": generator.pk, **{name: getattr(generator, name) for name in ENTRY_FIELDS}}


def present_generator(generator: Generator) -> dict[str, Any]:
    return {"id": generator.pk, **describe_generator(generator), "created_at": generator.created_at}


urlpatterns = [
    path("generators/", Generators.as_view(), name="generators"),
    path("generators/<int:generator>/", GeneratorDetail.as_view(), name="generator"),
]
