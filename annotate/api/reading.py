"""Reading: whole trees, the newest messages, search, one's own. Nothing is told that one may still be asked to judge."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.urls import path
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import reader_of, require_annotator
from annotate.api.reading_shapes import (
    FoundShape,
    MessageRowShape,
    PlaceShape,
    RecentQuery,
    SearchQuery,
    TreeQuery,
    TreeShape,
)
from annotate.api.schema import operation
from annotate.api.serializers import PageQuery, page_of, read_cursor, read_query, write_cursor
from annotate.api.views import ApiView
from annotate.api.work import WorkView
from annotate.exceptions import NotFound
from annotate.queries.message_lists import MessageRow, list_own, list_recent
from annotate.queries.message_trees import find_tree_of, get_tree
from annotate.queries.search import find_messages

#: What pages need besides, or what is told under another name.
_NOT_TOLD = frozenset({"campaign_id", "campaign_slug", "campaign_title", "campaign_state", "is_insider", "next_after"})

MESSAGES = page_of(MessageRowShape)


class TreeView(WorkView):
    @operation(
        "show_tree",
        summary="A whole tree, as far as it is yours to read",
        query=TreeQuery,
        responses={200: TreeShape},
        errors={404: "`tree_not_found`."},
        tag="reading",
    )
    def get(self, request: Request, tree: int) -> Response:
        """Depth first. Replies that you may still answer or order are sealed until you have."""
        query = read_query(request, TreeQuery)
        after = read_cursor(query["cursor"]) if "cursor" in query else None
        shown = get_tree(tree_id=tree, reader=reader_of(self.actor), after=after, limit=query["limit"])
        told = {name: value for name, value in asdict(shown).items() if name not in _NOT_TOLD}
        return Response({**told, "campaign": shown.campaign_slug, "next": _cursor(shown.next_after)})


class MessageView(WorkView):
    @operation(
        "locate_message",
        summary="The tree that a message is in",
        responses={200: PlaceShape},
        errors={404: "`message_not_found`."},
        tag="reading",
    )
    def get(self, request: Request, message: int) -> Response:
        tree = find_tree_of(message_id=message, reader=reader_of(self.actor))
        if tree is None:
            raise NotFound(_("There is no such message. Check its number."), code="message_not_found")
        return Response({"id": message, "tree": tree})


class RecentView(ApiView):
    @operation(
        "list_messages",
        summary="The newest messages, of one language or of all",
        query=RecentQuery,
        responses={200: MESSAGES},
        tag="reading",
    )
    def get(self, request: Request) -> Response:
        """Those that stand and that you may read, newest first."""
        page = list_recent(reader=reader_of(self.actor), **_read_page(read_query(request, RecentQuery)))
        return Response({"results": [_row(row) for row in page.messages], "next": _cursor(page.next_before)})


class OwnView(ApiView):
    @operation(
        "list_own_messages",
        summary="What you wrote, newest first",
        query=PageQuery,
        responses={200: MESSAGES},
        tag="reading",
    )
    def get(self, request: Request) -> Response:
        """With what reviewers made of it, and what was taken away."""
        page = list_own(annotator_id=require_annotator(self.actor), **_read_page(read_query(request, PageQuery)))
        return Response({"results": [_row(row) for row in page.messages], "next": _cursor(page.next_before)})


class SearchView(ApiView):
    @operation(
        "find_messages",
        summary="Messages by their words, newest first",
        query=SearchQuery,
        responses={200: page_of(FoundShape)},
        errors={422: "`query_empty`: there is no word in `q`."},
        tag="reading",
    )
    def get(self, request: Request) -> Response:
        """Words in every form that the language of `language` has; without it by their beginnings."""
        page = find_messages(reader=reader_of(self.actor), **_read_page(read_query(request, SearchQuery)))
        rows = [{**_row(found.message), "snippet": [asdict(part) for part in found.snippet]} for found in page.found]
        return Response({"results": rows, "next": _cursor(page.next_before)})


def _read_page(query: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: value for name, value in query.items() if name != "cursor"},
        "before": read_cursor(query["cursor"]) if "cursor" in query else None,
    }


def _row(row: MessageRow) -> dict[str, Any]:
    told = {name: value for name, value in asdict(row).items() if name not in _NOT_TOLD}
    return {**told, "campaign": row.campaign_slug}


def _cursor(last: int | None) -> str | None:
    return None if last is None else write_cursor(last)


urlpatterns = [
    path("trees/<int:tree>/", TreeView.as_view(), name="show_tree"),
    path("messages/", RecentView.as_view(), name="list_messages"),
    path("messages/search/", SearchView.as_view(), name="find_messages"),
    path("messages/mine/", OwnView.as_view(), name="list_own_messages"),
    path("messages/<int:message>/", MessageView.as_view(), name="locate_message"),
]
