"""The API described for programs and for people: ``/openapi.json`` and ``/docs``."""
