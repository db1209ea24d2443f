"""Rendering the chart, and what each rendered object has to be."""

import base64
import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import kubernetes_validate
import yaml
from cloudcoil.models.cert_manager import v1 as cert_manager
from cloudcoil.models.prometheus_operator import v1 as prometheus_operator

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy/helm/antiphon"
HELM = Path(os.environ["DEPLOY_TOOLS"]) / "bin/helm"
NAMESPACE = "choria"
KUBERNETES = ["1.32", "1.34", "1.37"]
CUSTOM = {
    "Certificate": cert_manager.Certificate,
    "Issuer": cert_manager.Issuer,
    "ServiceMonitor": prometheus_operator.ServiceMonitor,
    "PrometheusRule": prometheus_operator.PrometheusRule,
}


class Refused(Exception):
    """Helm would not render; the text is what it said."""


def helm(*arguments):
    """What Helm prints."""
    done = subprocess.run([HELM, *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        told = [line for line in done.stderr.splitlines() if "symbolic link" not in line]
        raise Refused("\n".join(told) + done.stdout)
    return done.stdout


def render(values, *more, release="antiphon"):
    """The objects of the chart with a file of values."""
    text = helm("template", release, CHART, "-n", NAMESPACE, "-f", values, *more)
    return [one for one in yaml.safe_load_all(text) if one]


def of_kind(objects, kind):
    return {one["metadata"]["name"]: one for one in objects if one["kind"] == kind}


def named(one):
    return f"{one['kind']} {one['metadata']['name']}"


def schema_problems(objects):
    """Against Kubernetes' own schemas, strictly: unknown fields are problems too."""
    for one in objects:
        if one["kind"] in CUSTOM:
            yield from custom_problems(one)
            continue
        for version in KUBERNETES:
            try:
                kubernetes_validate.validate(one, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                yield f"{named(one)} for {version}: {error.message} at {list(error.path)}"


def custom_problems(one):
    """Against models made from the custom resource definitions. They forget what they do not know."""
    try:
        model = CUSTOM[one["kind"]].model_validate(one)
    except ValueError as error:
        yield f"{named(one)}: {error}"
        return
    known = model.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if known != one:
        yield f"{named(one)}: has fields that are unknown: {json.dumps(one)} is read as {json.dumps(known)}"


SECRETS = re.compile(
    r"PRIVATE KEY|BEGIN CERT|password\s*[:=]|secret_?id\s*[:=]|://[^/\s\"]+:[^/\s\"]+@|\bS[UAOCN][A-Z2-7]{56}\b", re.I
)


def secret_problems(objects):
    """Nothing secret is rendered: the chart names secrets, and never holds one."""
    for one in objects:
        if one["kind"] == "Secret":
            yield f"{named(one)}: is rendered"
        for key, text in one.get("data", {}).items() if one["kind"] == "ConfigMap" else ():
            for text in (text, base64.b64encode(text.encode()).decode()):
                if found := SECRETS.search(text):
                    yield f"{named(one)}: {key} holds {found.group()!r}"


def pod_problems(objects):
    """What every pod of ours promises."""
    for name, workload in of_kind(objects, "StatefulSet").items():
        pod = workload["spec"]["template"]["spec"]
        security = pod["securityContext"]
        if not (security["runAsNonRoot"] and security["runAsUser"] and security["fsGroup"]):
            yield f"{name}: may run as root"
        if pod["automountServiceAccountToken"] is not False:
            yield f"{name}: gets a token"
        volumes = {volume["name"] for volume in pod["volumes"]}
        used = set()
        for container in pod.get("initContainers", []) + pod["containers"]:
            yield from container_problems(name, container)
            used |= {mount["name"] for mount in container["volumeMounts"]}
        if used != volumes:
            yield f"{name}: mounts {sorted(used)} of volumes {sorted(volumes)}"
        for container in pod["containers"]:
            if any(mount["name"] == "token" for mount in container["volumeMounts"]):
                yield f"{name}: {container['name']} sees the token"
            if not {"readinessProbe", "livenessProbe", "startupProbe", "lifecycle"} <= set(container):
                yield f"{name}: {container['name']} lacks a probe or its end"
        if not pod["topologySpreadConstraints"] or not pod["affinity"]:
            yield f"{name}: is not spread"
        if name not in of_kind(objects, "PodDisruptionBudget"):
            yield f"{name}: has no PodDisruptionBudget"


def container_problems(name, container):
    security = container["securityContext"]
    expected = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if security != expected:
        yield f"{name}: {container['name']} has securityContext {security}"
    if "memory" not in container["resources"].get("limits", {}):
        yield f"{name}: {container['name']} has no limit of memory"
    for mount in container["volumeMounts"]:
        if "subPath" in mount:
            yield f"{name}: {mount['name']} has a subPath, whose content would never change"


def drain_problems(objects):
    """Kubernetes waits for longer than a drain takes."""
    for name, workload in gateways(objects).items():
        grace = workload["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        text = next(iter(of_kind(objects, "ConfigMap")[name]["data"].values()))
        number, unit = re.search(r'grace = "(\d+)([sm])"', text).groups()
        drain = int(number) * {"s": 1, "m": 60}[unit]
        if grace < drain + 10:
            yield f"{name}: has {grace} s to drain for {drain} s"


def gateways(objects):
    """The StatefulSets of gateways, without those of brokers."""
    return {name: one for name, one in of_kind(objects, "StatefulSet").items() if not name.endswith("-broker")}


def places(objects):
    """What the gateways advertise."""
    for name in gateways(objects):
        config = of_kind(objects, "ConfigMap")[name]["data"]
        yield from (re.search(r'advertise = "(.*)"', text).group(1) for text in config.values())


def names_problems(objects):
    """Where certificates carry no URI, the configuration names the region by what they do carry."""
    certificates = [one["spec"] for one in of_kind(objects, "Certificate").values() if "-broker" not in one["metadata"]["name"]]
    for name in gateways(objects):
        for text in of_kind(objects, "ConfigMap")[name]["data"].values():
            config = tomllib.loads(text)
            known = config["identity"]["names"].get(config["region"], [])
            if "" in known:
                yield f"{name}: has an empty name for its region"
            vault = config["identity"].get("vault", {"uri": True})
            if not vault["uri"] and not set(vault["dns_names"]) <= set(known):
                yield f"{name}: knows its region by {known}, Vault is asked for {vault['dns_names']}"
            for spec in certificates:
                if "uris" not in spec and not set(spec["dnsNames"]) <= set(known):
                    yield f"{name}: knows its region by {known}, certificates name {spec['dnsNames']}"


def endpoint_problems(objects):
    """Each gateway advertises a place of its own, and its Service selects it alone."""
    for name, workload in gateways(objects).items():
        advertised = list(places(objects))
        pending = [place for place in advertised if place.startswith("address.pending:")]
        if len(set(advertised)) != workload["spec"]["replicas"] and not pending:
            yield f"{name}: gateways advertise {advertised}"
        if bool(pending) != ("initContainers" in workload["spec"]["template"]["spec"]):
            yield f"{name}: waits for an address where it must not, or does not where it must"
        for service in of_kind(objects, "Service").values():
            pod = service["spec"]["selector"].get("statefulset.kubernetes.io/pod-name")
            if pod and (pod != service["metadata"]["name"] or not service["spec"]["publishNotReadyAddresses"]):
                yield f"{named(service)}: does not lead to its gateway before it is ready"


def reference_problems(objects):
    """What a pod mounts is rendered here, or named by the values."""
    made = {one["spec"]["secretName"] for one in of_kind(objects, "Certificate").values()}
    given = {"gateway-certificates", "broker-client-certificate", "broker-certificates", "gateway-login", "broker-login", "gateway-approle"}
    maps = set(of_kind(objects, "ConfigMap")) | {"kube-root-ca.crt", "fabric-trust", "revoked", "callers-ca", "vault-ca"}
    for name, workload in of_kind(objects, "StatefulSet").items():
        for volume in workload["spec"]["template"]["spec"]["volumes"]:
            sources = [volume, *volume.get("projected", {}).get("sources", [])]
            for source in sources:
                secret = source.get("secret", {})
                secret = secret.get("secretName", secret.get("name"))
                if secret and secret not in made | given:
                    yield f"{name}: mounts secret {secret}, which nobody makes"
                if "configMap" in source and source["configMap"]["name"] not in maps:
                    yield f"{name}: mounts ConfigMap {source['configMap']['name']}, which nobody makes"


def access_problems(objects):
    """Roles allow what they are for and nothing else."""
    allowed = {"-wait": (["services"], ["get"]), "-csraccess": (["certificaterequests"], ["get", "create", "delete"])}
    for name, role in of_kind(objects, "Role").items():
        what = next(what for suffix, what in allowed.items() if name.endswith(suffix))
        if [(rule["resources"], rule["verbs"]) for rule in role["rules"]] != [what]:
            yield f"{named(role)}: allows {role['rules']}"
        if name.endswith("-wait") and not role["rules"][0].get("resourceNames"):
            yield f"{named(role)}: reads every Service"
    for one in objects:
        if one["kind"].startswith("Cluster"):
            yield f"{named(one)}: reaches beyond the namespace"


def metrics_problems(objects, values):
    """Whom policies let in where metrics are read, without TLS: those that the values name, gateways at brokers besides."""
    named_in = [yaml.safe_load(path.read_text()).get("networkPolicy", {}) for path in (CHART / "values.yaml", values)]
    sources = (named_in[0] | named_in[1])["metricsSources"]
    [gateway] = gateways(objects).values()
    siblings = {"podSelector": gateway["spec"]["selector"]}
    for name, policy in of_kind(objects, "NetworkPolicy").items():
        port, expected = ("monitor", [siblings, *sources]) if name.endswith("-broker") else ("http", sources)
        admitted = list(peers(policy, of_kind(objects, "StatefulSet")[name], port))
        if admitted != expected:
            yield f"{named(policy)}: lets {admitted} in at {port}, expected are {expected}"


def peers(policy, workload, port):
    """Whom a policy lets in at a port. Kubernetes reads a rule without ports, or without sources, as one for any."""
    declared = [one for container in workload["spec"]["template"]["spec"]["containers"] for one in container["ports"]]
    names = {port, None, *(one["containerPort"] for one in declared if one["name"] == port)}
    for rule in policy["spec"]["ingress"]:
        if names & {one.get("port") for one in rule.get("ports") or [{}]}:
            yield from rule.get("from") or ["everybody"]


CHECKS = {
    "is what Kubernetes knows": schema_problems,
    "holds no secret": secret_problems,
    "runs pods that may do little": pod_problems,
    "has time to drain": drain_problems,
    "gives each gateway an endpoint": endpoint_problems,
    "names regions as certificates do": names_problems,
    "mounts what there is": reference_problems,
    "grants little": access_problems,
}
