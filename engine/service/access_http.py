"""Who may what, over HTTP: tokens for credentials, who is let in, and the reading of what names people."""

import logging
import re
from abc import ABC, abstractmethod

import msgspec
from starlette.responses import HTMLResponse, Response

from engine.model import commands as c
from engine.model.commands import Readable
from engine.model.errors import Refusal
from engine.service import install, views
from engine.service.access import CredentialRow
from engine.service.access_bodies import CredentialBody, CredentialList, ReadingIn, ReadingList, TokenBody
from engine.service.backend import Backend
from engine.service.door import Door
from engine.service.edge import Call, json_answer, page_size, taken
from engine.service.roles import Permission

LOGGER = logging.getLogger("allpoints.access")
_PAGE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}
_FILE = 'attachment; filename="authority.crt"'


class AccessApi(ABC):
    """What each of these routes does; the names of the methods are those of the table."""

    backend: Backend

    @property
    @abstractmethod
    def door(self) -> Door:
        """Who lets people in."""

    async def exchange_token(self, call: Call) -> Response:
        """Give a signed token for a credential."""
        issued = call.issued
        assert issued is not None
        body = TokenBody(
            token=issued.token,
            expires_in=issued.holds_s,
            role=issued.identity.role.id,
            subject=issued.identity.subject,
            permissions=tuple(sorted(issued.identity.role.may)),
        )
        return json_answer(body, headers={"Cache-Control": "no-store"})

    async def read_details(self, call: Call) -> Response:
        """Read what names people in an incident."""
        return await self._read(call, "incident")

    async def read_lookout(self, call: Call) -> Response:
        """Read who or what is looked for."""
        return await self._read(call, "lookout")

    async def read_sighting(self, call: Call) -> Response:
        """Read what was said of a sighting."""
        return await self._read(call, "sighting")

    async def _read(self, call: Call, what: Readable) -> Response:
        """Put on record that somebody reads what names people, and why; then let them."""
        said: ReadingIn = call.body
        speaker = call.speaker
        command = c.ReadDetails(
            actor=speaker.actor,
            what=what,
            id=call.request.path_params[what],
            reason=said.reason,
            role=speaker.role.id,
        )
        reply = taken(await self.backend.submit(command))
        with_caller = speaker.may(Permission.READ_CONFIDENTIAL)
        body = await self.backend.look(
            lambda engine: views.details_body(engine, reply, command, with_caller=with_caller)
        )
        return json_answer(body, headers={"Cache-Control": "no-store"})

    async def list_readings(self, call: Call) -> Response:
        """List who has read what names people."""
        most, before = page_size(call.request), call.request.query_params.get("before")
        if before is not None and not re.fullmatch(r"[0-9]{1,18}", before):
            raise Refusal("out_of_range", "before", before, "the `next` of the page before")
        found = await self.backend.readings(None if before is None else int(before), most + 1)
        shown = tuple(views.reading_body(opened) for opened in found[:most])
        return json_answer(ReadingList(readings=shown, next=shown[-1].reading if len(found) > most else None))

    async def install(self, _: Call) -> Response:
        """Show how a device comes to trust the city's authority."""
        certificate = install.read(self.backend.authority)
        return HTMLResponse(install.page(certificate), headers=_PAGE)

    async def install_authority(self, _: Call) -> Response:
        """Give the authority's certificate."""
        certificate = install.download(install.read(self.backend.authority))
        return Response(certificate, headers={**_PAGE, "Content-Disposition": _FILE}, media_type=install.MEDIA)

    async def list_credentials(self, _: Call) -> Response:
        """List who is let in."""
        return json_answer(CredentialList(credentials=tuple(_body(row) for row in self.door.access.credentials())))

    async def revoke_credential(self, call: Call) -> Response:
        """Make a credential void."""
        access, credential = self.door.access, call.request.path_params["credential"]
        known = {row.id: row for row in access.credentials()}
        if credential not in known:
            raise Refusal("unknown_credential", "credential", credential, "one that /v1/credentials lists")
        if access.revoke(credential):
            named = {"credential": credential, "by": call.speaker.credential}
            LOGGER.warning("revoked", extra=named)
        return json_answer(_body(next(row for row in access.credentials() if row.id == credential)))


def _body(row: CredentialRow) -> CredentialBody:
    return CredentialBody(**msgspec.structs.asdict(row))
