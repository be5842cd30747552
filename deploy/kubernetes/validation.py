"""Check manifests against Kubernetes' own schemas."""

from collections.abc import Mapping
from typing import Any

import kubernetes_validate

#: Versions of Kubernetes whose schemas the manifests fit. In 1.31, the oldest, `unhealthyPodEvictionPolicy` is stable.
VERSIONS = ("1.31", "1.37")
#: API versions of operators, whose resources have no schema in Kubernetes. The tests check their fields by hand.
CUSTOM = frozenset({"keda.sh/v1alpha1", "monitoring.coreos.com/v1"})


def problem(resource: Mapping[str, Any], version: str) -> str | None:
    """Return what is wrong with a resource in a version of Kubernetes; None if nothing is, or if it is an operator's.

    Unknown fields are errors, as they are for the API server.
    """
    if resource["apiVersion"] in CUSTOM:
        return None
    try:
        kubernetes_validate.validate(dict(resource), version, strict=True)
    except kubernetes_validate.ValidationError as error:
        field = ".".join(map(str, error.path)) or "the resource"
        return f"{_name(resource)}, Kubernetes {version}: {field}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError as error:
        return f"{_name(resource)}, Kubernetes {version}: {error.message}"
    return None


def _name(resource: Mapping[str, Any]) -> str:
    return f"{resource['kind']} {resource['metadata']['name']}"
