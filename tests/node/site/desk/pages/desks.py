"""A paired browser, which follows where a form leads; and what people of two hubs do on their boards meanwhile."""

from dataclasses import dataclass
from typing import Any

from aiohttp.test_utils import TestClient

from hartig_node.board.deals.views import DealView
from hartig_node.board.drafts.views import PostView
from hartig_node.site.desk.session import COOKIE
from node.site.fakes import Answer, Browser
from node.site.reading import Page, read
from support.boards import Bench, meet

BLANKETS = {"category": "household.bedding", "title": "Wool blankets"}


class DeskBrowser(Browser):
    """A browser at the desk: as strict in reading as the neighbours', with a session, over what stands for TLS."""

    def __init__(self, client: TestClient[Any, Any], secret: str) -> None:
        super().__init__(client)
        self.headers |= {"Cookie": f"{COOKIE}={secret}"}

    async def post(self, path: str, fields: dict[str, str], **headers: str) -> Answer:
        return await super().post(path, fields, **{"Origin": f"https://{self.host}", **headers})

    async def page(self, path: str) -> Page:
        """Read a page that must be there."""
        answer = await self.get(path)
        assert answer.status == 200, (path, answer.status, answer.text)
        return read(answer.text)

    async def do(self, path: str, **fields: str) -> Page:
        """Send a form that must be carried out, and read the page that it leads to."""
        answer = await self.post(path, fields)
        assert answer.status == 303, answer.text
        return await self.page(answer.headers["Location"])

    async def refused(self, path: str, **fields: str) -> Page:
        """Send a form that something stops, and read the page that says what."""
        answer = await self.post(path, fields)
        assert answer.status in (409, 422, 400), (answer.status, answer.headers.get("Location"))
        return read(answer.text)


@dataclass
class People:
    """What people at two hubs do: ours, at whose desk a test sits, and another one."""

    ours: Bench
    theirs: Bench

    async def offer(self, bench: Bench, quantity: float = 20, **more: Any) -> PostView:
        """Put an offer up at a hub."""
        return await self._publish(bench, {"kind": "offer", "quantity": quantity, **BLANKETS, **more})

    async def need(self, bench: Bench, quantity: float = 8, **more: Any) -> PostView:
        """Put a need up at a hub."""
        return await self._publish(bench, {"kind": "need", "quantity": quantity, **BLANKETS, "title": "Cold", **more})

    async def _publish(self, bench: Bench, draft: dict[str, Any]) -> PostView:
        view = await bench.board.posts.publish(draft)
        await self.meet()
        return view

    async def asked_of_us(self, **need: Any) -> DealView:
        """Let the other hub ask us for a need of its own."""
        offer, wanted = await self.offer(self.ours), await self.need(self.theirs, **need)
        deal = await self.theirs.board.deals.ask(wanted.id, offer.id)
        await self.meet()
        return deal

    async def asked_by_us(self, **offer: Any) -> DealView:
        """Let us ask the other hub."""
        stock, wanted = await self.offer(self.theirs, **offer), await self.need(self.ours)
        deal = await self.ours.board.deals.ask(wanted.id, stock.id)
        await self.meet()
        return deal

    async def meet(self) -> None:
        """Let word travel."""
        await meet(self.ours, self.theirs)
