"""The first dialect: the Camunda 8 Orchestration Cluster REST API, ``/v2``."""
