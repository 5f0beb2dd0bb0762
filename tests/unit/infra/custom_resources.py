"""What is used of the kinds that Kubernetes itself does not know, as JSON schemas; what else stands there is wrong.

Written from the reference of KEDA 2 (keda.sh/v1alpha1: ScaledObject, TriggerAuthentication, the scalers for RabbitMQ
and CPU), of the Prometheus operator (monitoring.coreos.com/v1: ServiceMonitor) and of Kustomize.
"""

TEXT = {"type": "string", "minLength": 1}
COUNT = {"type": "integer", "minimum": 0}


def record(required=(), **properties):
    """An object with these members and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required or properties),
        "additionalProperties": False,
    }


def several(items):
    return {"type": "array", "items": items, "minItems": 1}


def resource(api_version, kind, spec):
    """A whole resource."""
    metadata = record(["name"], name=TEXT, labels={"type": "object"})
    return record(apiVersion={"const": api_version}, kind={"const": kind}, metadata=metadata, spec=spec)


RABBITMQ = record(
    type={"const": "rabbitmq"},
    metadata=record(
        protocol={"enum": ["amqp", "http", "auto"]},
        queueName=TEXT,
        mode={"enum": ["QueueLength", "MessageRate", "DeliverGetRate"]},
        value={"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"},
    ),
    authenticationRef=record(name=TEXT),
)
CPU = record(
    type={"const": "cpu"},
    metricType={"enum": ["Utilization", "AverageValue"]},
    metadata=record(value={"type": "string", "pattern": "^[0-9]+m?$"}),
)

SCALED_OBJECT = resource(
    "keda.sh/v1alpha1",
    "ScaledObject",
    record(
        ["scaleTargetRef", "minReplicaCount", "maxReplicaCount", "triggers"],
        scaleTargetRef=record(name=TEXT),
        minReplicaCount=COUNT,
        maxReplicaCount=COUNT,
        pollingInterval=COUNT,
        advanced=record(
            horizontalPodAutoscalerConfig=record(
                behavior=record(scaleDown=record(stabilizationWindowSeconds=COUNT))
            )
        ),
        fallback=record(failureThreshold=COUNT, replicas=COUNT),
        triggers=several({"oneOf": [RABBITMQ, CPU]}),
    ),
)

TRIGGER_AUTHENTICATION = resource(
    "keda.sh/v1alpha1",
    "TriggerAuthentication",
    record(secretTargetRef=several(record(parameter={"const": "host"}, name=TEXT, key=TEXT))),
)

SERVICE_MONITOR = resource(
    "monitoring.coreos.com/v1",
    "ServiceMonitor",
    record(
        selector=record(matchLabels={"type": "object", "additionalProperties": TEXT}),
        endpoints=several(
            record(
                port=TEXT,
                path={"type": "string", "pattern": "^/"},
                interval={"type": "string", "pattern": "^[0-9]+[sm]$"},
                relabelings=several(
                    record(["targetLabel"], targetLabel=TEXT, replacement=TEXT, sourceLabels=several(TEXT))
                ),
            )
        ),
    ),
)

KUSTOMIZATION = record(
    ["apiVersion", "kind", "resources"],
    apiVersion={"const": "kustomize.config.k8s.io/v1beta1"},
    kind={"const": "Kustomization"},
    namespace=TEXT,
    resources=several(TEXT),
    images=several(record(name=TEXT, newName=TEXT, newTag=TEXT)),
    configMapGenerator=several(
        record(["name"], name=TEXT, behavior={"const": "merge"}, envs=several(TEXT), literals=several(TEXT))
    ),
)

SCHEMAS = {
    "ScaledObject": SCALED_OBJECT,
    "TriggerAuthentication": TRIGGER_AUTHENTICATION,
    "ServiceMonitor": SERVICE_MONITOR,
    "Kustomization": KUSTOMIZATION,
}
