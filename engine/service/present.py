"""Who is connected: all connections, those of a credential, the newest of a device, and the readers of a mailbox."""

from collections.abc import Collection, Mapping

from engine.model.ids import RecipientId
from engine.service.connection import Connection

_NOBODY: Mapping[Connection, None] = {}


class Present:
    """The connections of a listener, in the ways in which they are asked for."""

    def __init__(self) -> None:
        self.everybody: set[Connection] = set()
        """Greeted or not."""
        self._of_credential: dict[str, set[Connection]] = {}
        self._of_device: dict[tuple[str, str, str], Connection] = {}
        self._readers: dict[RecipientId, dict[Connection, None]] = {}
        """In the order they came, so that one run of events is one order of sending."""

    def of_credential(self, credential: str) -> Collection[Connection]:
        """Return the connections that came with a credential, as they are now."""
        return tuple(self._of_credential.get(credential, ()))

    def readers(self, recipient: RecipientId) -> Collection[Connection]:
        """Return who reads a mailbox, in the order they came."""
        return self._readers.get(recipient, _NOBODY).keys()

    def let_in(self, connection: Connection) -> None:
        """Note whose a connection is, once its token was believed."""
        self._of_credential.setdefault(connection.speaker.credential, set()).add(connection)

    def has_another(self, connection: Connection) -> bool:
        """Tell whether a device has a session already."""
        return _device_of(connection) in self._of_device

    def take_over(self, connection: Connection) -> Connection | None:
        """Let a connection be its device's, unless a newer one is; return the one that is to end, which may be itself.

        One that is to end reads no mailbox any more.
        """
        device = _device_of(connection)
        older = self._of_device.get(device)
        if older is not None and older.greeting > connection.greeting:
            return connection
        self._of_device[device] = connection
        if older is not None:
            self._leave(older)
        return older

    def read(self, recipient: RecipientId, connection: Connection) -> None:
        """Let a connection read a mailbox from now on."""
        self._readers.setdefault(recipient, {})[connection] = None

    def gone(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        self.everybody.discard(connection)
        self._leave(connection)
        if connection.identity is None:
            return
        credential = connection.identity.credential
        others = self._of_credential[credential]
        others.discard(connection)
        if not others:
            del self._of_credential[credential]
        if self._of_device.get(_device_of(connection)) is connection:
            del self._of_device[_device_of(connection)]

    def _leave(self, connection: Connection) -> None:
        if connection.recipient is not None:
            readers = self._readers.get(connection.recipient, {})
            readers.pop(connection, None)
            if not readers:
                self._readers.pop(connection.recipient, None)


def _device_of(connection: Connection) -> tuple[str, str, str]:
    identity = connection.speaker
    return identity.role.id, identity.subject, connection.device
