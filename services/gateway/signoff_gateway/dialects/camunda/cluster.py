"""What the gateway says of itself and its cluster."""

from typing import Final

from signoff_gateway.breaker import Breaker
from signoff_gateway.dialects.camunda.answers import json_answer
from signoff_gateway.exchange import Answer, Call
from signoff_gateway.metrics import Metrics
from signoff_gateway.reads import BrokerRow, Cluster
from signoff_gateway.refusals import Cause, Unavailable
from signoff_schemas.ids import DEFAULT_TENANT

_METRICS_TYPE: Final = (b"content-type", b"text/plain; version=1.0.0; charset=utf-8")
_HEALTHY: Final = Answer(204)


class ClusterInfo:
    """Endpoints that need no command."""

    def __init__(
        self, breaker: Breaker, metrics: Metrics, *, partitions: int, version: str
    ) -> None:
        self._breaker = breaker
        self._metrics = metrics
        self._partitions = partitions
        self._version = version

    async def topology(self, _: Call) -> Answer:
        """GET /topology: the brokers that are alive, and the partitions that each leads."""
        if not self._breaker.database_answers():
            raise Unavailable(Cause.DATABASE)
        cluster = self._breaker.cluster
        alive = [each for each in cluster.brokers if each.alive]
        return json_answer(
            {
                "brokers": [_broker(node, broker, cluster) for node, broker in enumerate(alive)],
                "clusterId": None,
                "clusterSize": len(alive),
                "partitionsCount": self._partitions,
                "replicationFactor": 1,
                "gatewayVersion": self._version,
                "lastCompletedChangeId": "-1",
            }
        )

    async def status(self, _: Call) -> Answer:
        """GET /status: 204 if at least one partition takes commands."""
        refusal = Unavailable(Cause.NO_OWNER, 1)
        for partition in range(1, self._partitions + 1):
            try:
                self._breaker.check(partition)
            except Unavailable as error:
                refusal = error
            else:
                return _HEALTHY
        raise refusal

    async def license(self, _: Call) -> Answer:
        """GET /license: there is none to check."""
        return json_answer(
            {
                "validLicense": False,
                "licenseType": "unknown",
                "isCommercial": False,
                "expiresAt": None,
            }
        )

    async def me(self, call: Call) -> Answer:
        """GET /authentication/me: who the caller is taken for."""
        principal = call.principal
        return json_answer(
            {
                "username": principal.id,
                "displayName": principal.id.capitalize(),
                "email": None,
                "authorizedComponents": ["*"],
                "tenants": [
                    {"tenantId": each, "name": _tenant_name(each), "description": ""}
                    for each in principal.tenants
                ],
                "groups": principal.groups,
                "roles": principal.roles,
                "salesPlanType": None,
                "c8Links": {},
                "canLogout": False,
            }
        )

    async def metrics(self, _: Call) -> Answer:
        """GET /metrics, for Prometheus."""
        return Answer(200, (_METRICS_TYPE,), self._metrics.render())


def _broker(node: int, broker: BrokerRow, cluster: Cluster) -> dict[str, object]:
    host, _, port = broker.host.rpartition(":")
    is_address = bool(host) and port.isdigit()
    return {
        "nodeId": node,
        "brokerId": broker.id,
        "host": host if is_address else broker.host,
        "port": int(port) if is_address else 0,
        "version": broker.version,
        "partitions": [
            {"partitionId": each.id, "role": "leader", "health": "healthy", "state": "active"}
            for each in cluster.partitions
            if each.broker_id == broker.id
        ],
    }


def _tenant_name(tenant: str) -> str:
    return "Default" if tenant == DEFAULT_TENANT else tenant
