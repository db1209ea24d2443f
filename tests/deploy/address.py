"""The init step that waits for a load balancer's address: the chart's script and the real kubectl, against
an API server that knows one Service."""

import http.server
import json
import os
import subprocess
import tempfile
import threading
from pathlib import Path

import yaml

import chart
import pod

VALUES = Path(__file__).parent / "values/smallest-load-balancer.yaml"
KUBECTL = Path(os.environ["DEPLOY_TOOLS"]) / "bin"


class Server(http.server.ThreadingHTTPServer):
    """Answers for one Service, whose addresses come with the third question."""

    def __init__(self, ingress):
        super().__init__(("127.0.0.1", 0), Handler)
        self.ingress, self.asked = ingress, []


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.split("?")[0]
        known = {
            "/api": {"kind": "APIVersions", "versions": ["v1"]},
            "/apis": {"kind": "APIGroupList", "groups": []},
            "/api/v1": {
                "kind": "APIResourceList",
                "groupVersion": "v1",
                "resources": [
                    {"name": "services", "singularName": "service", "namespaced": True, "kind": "Service", "verbs": ["get"]}
                ],
            },
        }
        if path not in known:
            self.server.asked.append(path)
            ingress = self.server.ingress if len(self.server.asked) >= 3 else []
            known[path] = {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "antiphon-0"},
                "status": {"loadBalancer": {"ingress": ingress} if ingress else {}},
            }
        body = json.dumps(known[path]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def run(objects, folder, ingress, seconds_max):
    """Runs the rendered script as the init container runs it; returns what it did and the file it wrote."""
    server = Server(ingress)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    workload = chart.of_kind(objects, "StatefulSet")["antiphon"]["spec"]["template"]["spec"]
    container = workload["initContainers"][0]
    authority = pod.Authority()
    made = pod.secrets(objects, authority, "eu")
    places = pod.lay_out(workload, container, objects, authority, made, folder)
    pod.lay_out(workload, workload["containers"][0], objects, authority, made, folder)
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "x",
        "clusters": [{"name": "x", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "namespace": chart.NAMESPACE, "user": "x"}}],
        "users": [{"name": "x", "user": {}}],
    }
    kubeconfig = Path(folder) / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    environment = {
        "PATH": f"{KUBECTL}:/usr/bin:/bin",
        "KUBECONFIG": str(kubeconfig),
        "HOME": str(places["written"]),
        "POD_NAME": "antiphon-0",
        "CONFIG": str(places["config"]),
        "WRITTEN": str(places["written"]),
        "SECONDS_MAX": str(seconds_max),
    }
    script = places["wait"] / "wait.sh"
    done = subprocess.run(["sh", script], env=environment, capture_output=True, text=True, timeout=60)
    server.shutdown()
    return done, places["written"] / "antiphon-0.toml", server.asked


def writes(ingress, expected):
    def problems(antiphon):
        objects = chart.render(VALUES)
        with tempfile.TemporaryDirectory() as folder:
            done, written, asked = run(objects, folder, ingress, 30)
            if done.returncode != 0 or len(asked) < 3:
                yield f"ended with {done.returncode} after {len(asked)} questions: {done.stderr}"
                return
            if set(asked) != {f"/api/v1/namespaces/{chart.NAMESPACE}/services/antiphon-0"}:
                yield f"asked for {set(asked)}, which its Role does not allow"
            if f'advertise = "{expected}"' not in written.read_text():
                yield written.read_text()
            checked = subprocess.run([antiphon, "config", "check", written], capture_output=True, text=True)
            if checked.returncode != 0:
                yield checked.stderr

    return problems


def gives_up(_antiphon):
    with tempfile.TemporaryDirectory() as folder:
        done, written, _ = run(chart.render(VALUES), folder, [], 2)
        if done.returncode == 0 or written.exists() or "antiphon-0 has no address after" not in done.stderr:
            yield f"ended with {done.returncode}: {done.stderr}"


TESTS = {
    "the init step writes an address": writes([{"ip": "203.0.113.7", "ports": []}], "203.0.113.7:7440"),
    "the init step writes a host name": writes([{"hostname": "a1.elb.example.net"}], "a1.elb.example.net:7440"),
    "the init step writes an IPv6 address": writes([{"ip": "2001:db8::7"}], "[2001:db8::7]:7440"),
    "the init step gives up in time": gives_up,
}
