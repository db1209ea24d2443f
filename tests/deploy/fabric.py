"""Two regions run from the rendered objects: six nats-servers and four gateways, with the configurations, names
and certificates that the chart gives them, in a network of this test's own. What a cluster adds (scheduling, load
balancers, the API server) is not shown by this.

Changed are only addresses to listen on, one for each pod instead of all, and folders, since all share one machine."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import chart
import network
import pod

HERE = Path(__file__).parent
VALUES = HERE / "fabric/values.yaml"
REGIONS = {
    "eu": ["--set", "region=eu", "--set", "certificates.perGateway=true", "--set", "link.seeds={us-antiphon-0.choria.svc.cluster.local:7440}"],
    "us": ["--set", "region=us", "--set", "link.seeds={eu-antiphon-1.choria.svc.cluster.local:7440}"],
}
DEADLINE_SECONDS = 60


class Pod:
    """One pod: its files, its address, its process."""

    def __init__(self, objects, name, index, address, authority, made, top):
        workload = chart.of_kind(objects, "StatefulSet")[name]["spec"]
        self.spec = workload["template"]["spec"]
        self.container = self.spec["containers"][0]
        self.name, self.address, self.process = f"{name}-{index}", address, None
        self.folder = Path(top, self.name)
        self.arguments = (self.spec, self.container, objects, authority)
        self.places = pod.lay_out(*self.arguments, made, self.folder)
        self.hosts = [f"{self.name}.{name}.{chart.NAMESPACE}.svc.cluster.local"]
        if self.name in chart.of_kind(objects, "Service"):
            self.hosts.append(f"{self.name}.{chart.NAMESPACE}.svc.cluster.local")

    def edit(self, *changes):
        """Rewrites its configuration; each change is what stands there once and what shall."""
        files = {}
        for path in self.places["config"].glob("[!.]*"):
            text = path.read_text()
            for before, after in changes:
                assert before in text, f"{self.name}: {before!r} is not in {text}"
                text = text.replace(before, after)
            files[path.name] = text
        pod.swap(self.places["config"], files)

    def start(self, program):
        command = [*self.container.get("command", [program]), *self.container.get("args", [])]
        if command[0] == "sh":
            command = [*command[:-1], self.script(command[-1], program)]
        else:
            command = [program, *command[1:]]
        command = [part.replace("$(POD_NAME)", self.name) for part in command]
        command = [str(self.folder) + part if part.startswith("/etc/") else part for part in command]
        self.log = open(self.folder / "log", "w")
        environment = {"POD_NAME": self.name, "PATH": os.environ["PATH"]}
        self.process = subprocess.Popen(command, env=environment, stdout=self.log, stderr=self.log)

    def script(self, text, program):
        """A container's script, with the folders of this pod, and without its patience."""
        changes = {"/etc/nats/": f"{self.folder}/etc/nats/", "/run/nats/": f"{self.folder}/run/nats/"}
        for before, after in {**changes, "nats-server": str(program), "sleep 60": "sleep 1"}.items():
            assert before in text, f"{self.name}: {before!r} is not in {text}"
            text = text.replace(before, after)
        return text

    def get(self, path):
        """Status and body of one of its pages; None while it does not answer."""
        port = next(port["containerPort"] for port in self.container["ports"] if port["name"] in ("http", "monitor"))
        try:
            with urllib.request.urlopen(f"http://{self.address}:{port}{path}", timeout=6) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return None, ""

    def probe(self, name):
        """Whether a probe of the container is content."""
        return self.get(self.container[name]["httpGet"]["path"])[0] == 200

    def tail(self):
        return f"{self.name}: " + " | ".join((self.folder / "log").read_text().splitlines()[-3:])


def until(what, problems):
    """Waits until there are no problems, and returns the last ones."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while (left := list(problems())) and time.monotonic() < deadline:
        time.sleep(0.1)
    return [f"{what}: {one}" for one in left]


class Fabric:
    def __init__(self, top, antiphon, nats):
        self.top, self.antiphon, self.nats = Path(top), antiphon, nats
        self.authority = pod.Authority()
        self.brokers, self.gateways, self.made, self.objects = [], [], {}, {}
        for number, (region, more) in enumerate(REGIONS.items(), 1):
            objects = chart.render(VALUES, *more, release=f"{region}-antiphon")
            made = pod.secrets(objects, self.authority, region)
            self.objects[region], self.made[region] = objects, made
            for name, workload in chart.of_kind(objects, "StatefulSet").items():
                kind = self.brokers if name.endswith("-broker") else self.gateways
                for index in range(workload["spec"]["replicas"]):
                    address = f"127.{number}.{1 + (kind is self.gateways)}.{1 + index}"
                    kind.append(Pod(objects, name, index, address, self.authority, made, self.top))
        everybody = self.brokers + self.gateways
        network.names({one.address: one.hosts for one in everybody}, self.top / "hosts")

    def start(self):
        for broker in self.brokers:
            (broker.folder / "run/nats").mkdir(parents=True, exist_ok=True)
            host = f"host: {broker.address}"
            broker.edit(
                ("port: 4222", f"{host}\nport: 4222"),
                ("port: 6222", f"{host}\n  port: 6222"),
                ("http: 8222", f"http: {broker.address}:8222"),
                ("/etc/nats", f"{broker.folder}/etc/nats"),
                ("/run/nats", f"{broker.folder}/run/nats"),
            )
            broker.start(self.nats)
        for gateway in self.gateways:
            gateway.edit(("0.0.0.0:", f"{gateway.address}:"))
            gateway.start(self.antiphon)

    def stop(self):
        for one in self.gateways + self.brokers:
            if one.process and one.process.poll() is None:
                one.process.kill()
                one.process.wait()

    def brokers_form_clusters(self):
        def problems():
            for broker in self.brokers:
                status, text = broker.get("/routez")
                routes = json.loads(text)["routes"] or [] if status == 200 else []
                if len({route["remote_id"] for route in routes}) != 2 or not broker.probe("readinessProbe"):
                    yield f"{broker.tail()}: {len(routes)} routes"

        return until("nats-servers are routed over TLS", problems)

    def gateways_become_ready(self):
        def problems():
            for gateway in self.gateways:
                if not (gateway.probe("startupProbe") and gateway.probe("readinessProbe")):
                    yield f"{gateway.tail()}: {gateway.get('/readyz')[1]}"

        return until("probes are content", problems)

    def ask(self, gateway, *command):
        admin = f"unix:{gateway.folder}/etc/antiphon/run.sock"
        done = subprocess.run([self.antiphon, *command, "--admin", admin], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def regions_are_joined(self):
        def problems():
            for gateway in self.gateways:
                code, text = self.ask(gateway, "regions", "-o", "json")
                regions = json.loads(text)["regions"] if code == 0 else []
                usable = {one["region"]: one["usable"] for one in regions}
                if usable != {"eu": 2, "us": 2} or not all(one["ours"] or one["route"] for one in regions):
                    yield f"{gateway.name} sees {text}"

        return until("each gateway has routes", problems)

    def answers_cross(self):
        """A client of region eu asks, a node of region us answers; both know only their own broker."""
        identities = {"node": "n1.us.example.net", "client": "alice.mcollective"}
        for name, identity in identities.items():
            spec = {"commonName": identity, "dnsNames": [identity], "usages": ["client auth"]}
            secret = self.authority.secret({**spec, "privateKey": {"algorithm": "RSA", "size": 2048}})
            (self.top / name).mkdir()
            for path, text in secret.items():
                (self.top / name / path).write_text(text)
        tls = 'tls = { certificate = "tls.crt", key = "tls.key", ca = "ca.crt" }'
        place = "nats://{0}-antiphon-broker-2.{0}-antiphon-broker.choria.svc.cluster.local:4222"

        def config(identity, region, rest):
            broker = f'[broker]\nservers = ["{place.format(region)}"]\n{tls}\n'
            return f'collectives = ["mcollective"]\nidentity = "{identity}"\n{broker}[security.v1]\n{rest}'

        node = config(identities["node"], "us", 'ca = "ca.crt"\n[backends]\nsimulated = true\n')
        client = config("host", "eu", 'certificate = "tls.crt"\nkey = "tls.key"\nca = "ca.crt"\n')
        (self.top / "node/node.toml").write_text(node)
        (self.top / "client/client.toml").write_text(client)
        with open(self.top / "node/log", "w") as log:
            running = subprocess.Popen([self.antiphon, "node", "run", "--config", self.top / "node/node.toml"], stdout=log, stderr=log)
        try:
            def problems():
                asked = [self.antiphon, "ping", "--config", self.top / "client/client.toml"]
                done = subprocess.run(asked, capture_output=True, text=True)
                if identities["node"] not in done.stdout:
                    yield f"{done.stdout}{done.stderr} {(self.top / 'node/log').read_text()[-500:]}"

            return until("a node of the other region answers", problems)
        finally:
            running.kill()
            running.wait()

    def renewed_certificates_are_used(self):
        """cert-manager renews: the kubelet swaps the folders, and nobody restarts anything."""
        def end(gateway):
            lines = gateway.get("/metrics")[1].splitlines()
            return [line.split()[-1] for line in lines if line.startswith('antiphon_certificate_expiry_timestamp_seconds{certificate="link"}')]

        gateways = [one for one in self.gateways if one.name.startswith("eu-")]
        brokers = [one for one in self.brokers if one.name.startswith("eu-")]
        before = {one.name: end(one) for one in gateways}
        time.sleep(1.1)  # certificates tell whole seconds
        made = pod.secrets(self.objects["eu"], self.authority, "eu")
        for gateway in gateways:
            volume = next(volume for volume in gateway.spec["volumes"] if volume["name"] == "tls")
            files = {}
            for source in volume["projected"]["sources"]:
                files.update(pod.source_files(source, {}, made))
            pod.swap(gateway.places["tls"], files)
        for broker in brokers:
            volume = next(volume for volume in broker.spec["volumes"] if volume["name"] == "tls")
            pod.swap(broker.places["tls"], made[volume["secret"]["secretName"]])

        def problems():
            for gateway in gateways:
                if not end(gateway) or end(gateway) == before[gateway.name] or not gateway.probe("readinessProbe"):
                    yield gateway.tail()
            for broker in brokers:
                if "Reloaded: tls" not in (broker.folder / "log").read_text() or not broker.probe("readinessProbe"):
                    yield broker.tail()

        return until("the new certificates' end shows, and servers have read theirs", problems)

    def a_pod_drains(self):
        """As Kubernetes ends it: the preStop command, then SIGTERM, then its grace."""
        leaving, staying = self.gateways[0], self.gateways[1:]
        command = leaving.container["lifecycle"]["preStop"]["exec"]["command"]
        code, text = self.ask(leaving, *command[1:])
        if code != 0:
            yield f"preStop ends with {code}: {text}"
        if leaving.process.poll() is None:
            leaving.process.send_signal(signal.SIGTERM)
        try:
            code = leaving.process.wait(leaving.spec["terminationGracePeriodSeconds"])
        except subprocess.TimeoutExpired:
            code = "nothing in its grace"
        if code != 0:
            yield f"{leaving.tail()}: ends with {code}"
        yield from (f"{one.tail()}: is not ready" for one in staying if not one.probe("readinessProbe"))

    def tests(self):
        yield "the broker's servers form clusters over TLS", self.brokers_form_clusters()
        yield "the gateways' probes become content", self.gateways_become_ready()
        yield "the regions are joined", self.regions_are_joined()
        yield "an answer comes from the other region", self.answers_cross()
        yield "renewed certificates are used without a restart", self.renewed_certificates_are_used()
        yield "a pod drains and ends in its grace", self.a_pod_drains()


def tests(antiphon):
    """Runs the fabric in namespaces of its own; yields what was tested and its problems."""
    done = subprocess.run([*network.OWN, sys.executable, "-B", __file__, antiphon], capture_output=True, text=True)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    yield from told
    if done.returncode != 0 or not told:
        yield "the fabric runs", [done.stderr]


def main(antiphon):
    network.raise_loopback()
    with tempfile.TemporaryDirectory(prefix="f", dir="/tmp") as top:
        fabric = Fabric(top, antiphon, os.environ["NATS_SERVER"])
        try:
            fabric.start()
            for what, problems in fabric.tests():
                print(json.dumps([what, list(problems)]), flush=True)
        finally:
            fabric.stop()


if __name__ == "__main__":
    main(sys.argv[1])
