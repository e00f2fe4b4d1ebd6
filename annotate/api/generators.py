"""Generators of the site over HTTP: administrators' records, whose names organizers may read."""

from __future__ import annotations

from typing import Any

from django.urls import path
from django.utils import timezone
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import require_account, require_administrator
from annotate.api.campaigns import read_object, take_reason
from annotate.api.generator_shapes import (
    FiguresShape,
    GeneratorBody,
    GeneratorChangeBody,
    GeneratorEntry,
    GeneratorShape,
    ServingShape,
)
from annotate.api.schema import operation
from annotate.api.serializers import PageQuery, page_of, read_query, take_page
from annotate.api.views import ApiView
from annotate.exceptions import NotAllowed
from annotate.models import Generator, Server
from annotate.queries.campaigns import is_organizer, list_site_generators
from annotate.queries.generate_workers import list_workers
from annotate.queries.generation_figures import generator_figures
from annotate.queries.generators import describe_figures, list_servers
from annotate.reasons import tell_reason
from annotate.services.generators import (
    change_generator,
    check_found,
    create_generator,
    delete_generator,
    describe_generator,
)
from tasks.vocabulary import Scope

ADMINISTERING = (Scope.ADMIN,)
ENTRY_FIELDS = ("name", "engine", "model", "revision", "base_model", "relation", "quantization", "licence",
                "output_terms", "terms_url", "enabled")  # fmt: skip
SERVER_FIELDS = ("host", "failures", "open_until", "changed_at")


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
        errors={
            409: "`generator_name_taken`; `generator_in_use`: what its texts come from is fixed (`details.fixed`)."
        },
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


class GeneratorFigures(ApiView):
    @operation(
        "get_generator_figures",
        summary="How fast a generator answers, and what came to nothing",
        responses={200: FiguresShape},
        scopes=ADMINISTERING,
        tag="generators",
    )
    def get(self, request: Request, generator: int) -> Response:
        """Of all campaigns together. For administrators."""
        require_administrator(self.actor)
        found = check_found(list_site_generators().filter(pk=generator).first())
        return Response(describe_figures(generator_figures(generator_ids=[found.pk], now=timezone.now())[found.pk]))


class Serving(ApiView):
    @operation(
        "get_serving",
        summary="Read which workers load models, and how the servers answer",
        responses={200: ServingShape},
        scopes=ADMINISTERING,
        tag="generators",
    )
    def get(self, request: Request) -> Response:
        """For administrators. Workers that are there come first; one that was silent for long is forgotten."""
        require_administrator(self.actor)
        workers = [{**row, "problem": tell_reason(row["problem"])} for row in list_workers(now=timezone.now())]
        return Response({"workers": workers, "servers": [present_server(row) for row in list_servers()]})


def present_server(server: Server) -> dict[str, Any]:
    return {name: getattr(server, name) for name in SERVER_FIELDS} | {"last_error": tell_reason(server.last_error)}


def present_entry(generator: Generator) -> dict[str, Any]:
    return {"id": generator.pk, **{name: getattr(generator, name) for name in ENTRY_FIELDS}}


def present_generator(generator: Generator) -> dict[str, Any]:
    told = {"problem": tell_reason(generator.problem), "problem_at": generator.problem_at}
    return {"id": generator.pk, **describe_generator(generator), **told, "created_at": generator.created_at}


urlpatterns = [
    path("generators/", Generators.as_view(), name="generators"),
    path("generators/serving/", Serving.as_view(), name="serving"),
    path("generators/<int:generator>/figures/", GeneratorFigures.as_view(), name="generator_figures"),
    path("generators/<int:generator>/", GeneratorDetail.as_view(), name="generator"),
]
