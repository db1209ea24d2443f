"""Gives the rendered charts to a real API server: `make test-kubernetes`. Nothing runs there, for there is no
scheduler and no kubelet; what the server itself decides is shown: it takes each object, its admission lets the
pods into a namespace that enforces the restricted standard, and roles allow what they should and no more."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

import chart
import run

TOOLS = Path(os.environ["DEPLOY_TOOLS"]) / "bin"
KUBERNETES = Path(os.environ["KUBERNETES"])
TOKEN = "administrator"


class Server:
    """etcd and kube-apiserver in a folder, on free ports of loopback."""

    def __init__(self, folder):
        self.folder, self.processes = Path(folder), []
        self.client, peer, self.port = free_ports(3)
        key = self.folder / "key.pem"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        (self.folder / "tokens.csv").write_text(f'{TOKEN},administrator,1,"system:masters"\n')
        client, peer = f"http://127.0.0.1:{self.client}", f"http://127.0.0.1:{peer}"
        self.spawn("etcd", data_dir=self.folder / "etcd", listen_client_urls=client, advertise_client_urls=client,
                   listen_peer_urls=peer, initial_advertise_peer_urls=peer, initial_cluster=f"default={peer}")
        self.spawn("kube-apiserver", etcd_servers=client, bind_address="127.0.0.1", secure_port=self.port,
                   cert_dir=self.folder / "certificates", service_account_key_file=key,
                   service_account_signing_key_file=key, service_account_issuer="https://kubernetes.default.svc",
                   service_cluster_ip_range="10.96.0.0/16", authorization_mode="RBAC",
                   token_auth_file=self.folder / "tokens.csv", endpoint_reconciler_type="none")

    def spawn(self, program, **flags):
        command = [KUBERNETES / program, *(f"--{name.replace('_', '-')}={value}" for name, value in flags.items())]
        with open(self.folder / f"{program}.log", "w") as log:
            self.processes.append(subprocess.Popen(command, stdout=log, stderr=log))

    def kubectl(self, *arguments, text=None):
        server = ["--server", f"https://127.0.0.1:{self.port}", "--insecure-skip-tls-verify", "--token", TOKEN]
        return subprocess.run([TOOLS / "kubectl", *server, *arguments], input=text, capture_output=True, text=True)

    def wait(self, *arguments):
        deadline = time.monotonic() + 300
        while (done := self.kubectl(*arguments)).returncode != 0:
            if time.monotonic() > deadline:
                raise TimeoutError(done.stderr)
            time.sleep(0.5)

    def stop(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def namespace(server, name):
    """A namespace that lets in only pods of the restricted standard."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/enforce-version": "latest"}
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    return apply(server, [made])


def apply(server, objects, *more):
    done = server.kubectl("apply", "--validate=strict", "-f", "-", *more, text=yaml.safe_dump_all(objects))
    told = [line for line in done.stderr.splitlines() if "SessionAffinity is ignored" not in line]
    if done.returncode != 0 or told:
        yield "\n".join(told)


def definitions(path):
    """Custom resource definitions; their labels are templates of a chart."""
    made = [one for one in yaml.safe_load_all(path.read_text()) if one]
    for one in made:
        one["metadata"].pop("labels", None)
    return made


def pods(objects):
    """The pods that a controller would make of the StatefulSets."""
    for name, workload in chart.of_kind(objects, "StatefulSet").items():
        template = workload["spec"]["template"]
        metadata = {**template["metadata"], "name": f"{name}-0"}
        yield {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def access_problems(server, where, objects):
    """Asks the server what accounts may do."""
    for name, role in chart.of_kind(objects, "Role").items():
        subject = chart.of_kind(objects, "RoleBinding")[name]["subjects"][0]["name"]
        questions = {"get secrets": "no", "create pods": "no", "list services": "no", "get services": "no"}
        for rule in role["rules"]:
            for verb in rule["verbs"]:
                for group, resource in [(rule["apiGroups"][0], resource) for resource in rule["resources"]]:
                    resource = f"{resource}.{group}".rstrip(".")
                    names = rule.get("resourceNames", [""])
                    questions.update({f"{verb} {resource}/{one}".rstrip("/"): "yes" for one in names})
        for question, expected in questions.items():
            account = f"--as=system:serviceaccount:{where}:{subject}"
            told = server.kubectl("auth", "can-i", *question.split(), account, "-n", where).stdout.strip()
            if told != expected:
                yield f"{subject}: {question}? {told}, not {expected}"


def value_set(server, values, where):
    name = values.stem
    objects = chart.render(values, "-n", where)
    run.check(f"{name}: a namespace of the restricted standard", namespace(server, where))
    run.check(f"{name}: the API server takes every object", apply(server, objects, "-n", where))
    accounts = {one["spec"].get("serviceAccountName", "default") for one in pods(objects)}
    absent = accounts - set(chart.of_kind(objects, "ServiceAccount"))
    accounts = [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": one}} for one in absent]
    if accounts:
        list(apply(server, accounts, "-n", where))
    run.check(f"{name}: admission lets the pods in", apply(server, list(pods(objects)), "-n", where))
    run.check(f"{name}: accounts may do what they must", access_problems(server, where, objects))


def main():
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder)
        try:
            server.wait("get", "--raw", "/readyz")
            for crds in sorted(KUBERNETES.glob("crds/*.yaml")):
                run.check(f"the API server takes {crds.name}", apply(server, definitions(crds), "--server-side"))
            server.wait("wait", "--for=condition=Established", "crd", "--all")
            for number, values in enumerate(run.value_sets("values")):
                value_set(server, values, f"region-{number}")
        finally:
            server.stop()
    print(f"{run.counts['passed']} passed, {run.counts['failed']} failed")
    return 1 if run.counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
