"""Other people's maps in: each module turns one format into `RawRoads`. The only importers of osmnx and osmium."""
