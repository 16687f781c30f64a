"""Nodes of tables: where they lie, and which row a reference means."""

import numpy as np
from numpy.typing import NDArray

from geo_data.sources.tables import Table, TableError


class NodeRows:
    """The nodes of a table: ``id`` int64 (n,) as in the file, ``at`` float64 (n, 2) longitude and latitude.

    Raises
    ------
    geo_data.sources.tables.TableError
        When an id stands twice or a coordinate is not one; exchanged longitude and latitude are recognised where
        the latitude then is beyond 90.
    """

    def __init__(self, table: Table, id_column: str, lon_column: str, lat_column: str) -> None:
        self.table = table
        self.id = table.wholes(id_column)
        lon = table.numbers(lon_column, -180, 180)
        try:
            lat = table.numbers(lat_column, -90, 90)
        except TableError as error:
            if error.line is None or not _is_longitude(str(error.value)):
                raise
            limit = f"{error.limit}; it reads like a longitude: are {lon_column} and {lat_column} exchanged?"
            raise TableError(table.path, error.line, error.column, error.value, limit) from None
        self.at = np.column_stack((lon, lat))
        self._order = np.argsort(self.id, kind="stable")
        twice = np.flatnonzero(np.diff(self.id[self._order]) == 0)
        if len(twice):
            raise table.refuse(int(self._order[twice[0] + 1]), id_column, "each id once")

    def rows(self, table: Table, column: str) -> NDArray[np.int32]:
        """Return the row of the node that each value of another table's column names.

        Raises
        ------
        geo_data.sources.tables.TableError
            At the first that names no node.
        """
        wanted = table.wholes(column)
        place = np.minimum(np.searchsorted(self.id[self._order], wanted), len(self.id) - 1)
        row = self._order[place]
        unknown = self.id[row] != wanted
        if unknown.any():
            raise table.refuse(int(np.argmax(unknown)), column, f"the id of a node in {self.table.path.name}")
        return row.astype(np.int32)


def _is_longitude(text: str) -> bool:
    try:
        return 90 < abs(float(text)) <= 180
    except ValueError:
        return False
