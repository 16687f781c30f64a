"""Where things are: road networks, areas, places, datums and cells. Knows nothing of dispatch."""
