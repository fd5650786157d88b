"""The API of RealWorld ("Conduit"): an application that many frameworks show."""
