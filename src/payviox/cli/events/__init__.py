"""`payviox listen`, `trigger` and `events`: for developers, who have a business's secret key and no
database. They call the API of an installation, on this machine or elsewhere."""
