"""A pod's files, laid out as a kubelet would, with certificates as cert-manager would issue them."""

import datetime
import ipaddress
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from chart import of_kind


class Authority:
    """A certificate authority, for one run."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        builder = certificate(self.name, self.name, self.key.public_key(), days=30)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.pem = pem(builder.sign(self.key, hashes.SHA256()))

    def crl(self):
        """A list of what it has taken back: nothing."""
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.name).last_update(now)
        builder = builder.add_extension(x509.CRLNumber(1), critical=False)
        return pem(builder.next_update(now + datetime.timedelta(days=1)).sign(self.key, hashes.SHA256()))

    def secret(self, spec):
        """The content of the secret of a Certificate: its names, usages and kind of key."""
        private = spec["privateKey"]
        key = rsa.generate_private_key(65537, private["size"]) if private["algorithm"] == "RSA" else None
        key = key or ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName(name) for name in spec.get("dnsNames", [])]
        names += [x509.UniformResourceIdentifier(uri) for uri in spec.get("uris", [])]
        names += [x509.IPAddress(ipaddress.ip_address(one)) for one in spec.get("ipAddresses", [])]
        common = [x509.NameAttribute(NameOID.COMMON_NAME, spec["commonName"])] if "commonName" in spec else []
        builder = certificate(x509.Name(common), self.name, key.public_key(), days=2)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not common)
        usages = {"server auth": ExtendedKeyUsageOID.SERVER_AUTH, "client auth": ExtendedKeyUsageOID.CLIENT_AUTH}
        usages = [usages[usage] for usage in spec["usages"] if usage in usages]
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        text = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        signed = builder.sign(self.key, hashes.SHA256())
        return {"tls.crt": pem(signed), "tls.key": text.decode(), "ca.crt": self.pem}


def certificate(subject, issuer, key, days):
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - datetime.timedelta(minutes=5)).not_valid_after(
        now + datetime.timedelta(days=days)
    )


def pem(signed):
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def secrets(objects, authority, region):
    """What the secrets of the namespace hold: those that Certificates make, and those that values name."""
    made = {one["spec"]["secretName"]: authority.secret(one["spec"]) for one in of_kind(objects, "Certificate").values()}
    gateway = {
        "uris": [f"antiphon://acme/{region}"],
        "usages": ["server auth", "client auth"],
        "privateKey": {"algorithm": "ECDSA", "size": 256},
    }
    for name in ("gateway-certificates", "broker-client-certificate", "broker-certificates"):
        made.setdefault(name, authority.secret(gateway))
    made["gateway-approle"] = {"secret-id": "8f3c2b1a\n", "id": "8f3c2b1a\n"}
    made["broker-login"] = {"password": "s3cret\n"}
    made["gateway-login"] = {"token.jwt": "eyJhbGciOiJFZERTQSJ9.e30.AAAA\n", "seed": "0f" * 32 + "\n"}
    return made


def lay_out(pod, container, objects, authority, made, folder):
    """Writes all that a container mounts below a folder; returns the folders by name of their volume."""
    maps = {name: one["data"] for name, one in of_kind(objects, "ConfigMap").items()}
    maps.setdefault("fabric-trust", {"bundle.pem": authority.pem})
    maps.setdefault("revoked", {"crl.pem": authority.crl()})
    maps.setdefault("vault-ca", {"ca.crt": authority.pem})
    maps.setdefault("callers-ca", {"ca.pem": authority.pem})
    maps.setdefault("kube-root-ca.crt", {"ca.crt": authority.pem})
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    places = {}
    for mount in container["volumeMounts"]:
        place = Path(folder, mount["mountPath"].lstrip("/"))
        place.mkdir(parents=True, exist_ok=True)
        places[mount["name"]] = place
        files = {}
        volume = volumes[mount["name"]]
        for source in volume.get("projected", {}).get("sources", [volume]):
            files.update(source_files(source, maps, made))
        if files:
            swap(place, files)
    return places


def source_files(source, maps, made):
    """Path and text of each file of one source of a volume."""
    if "configMap" in source:
        entries, items = maps[source["configMap"]["name"]], source["configMap"].get("items")
    elif "secret" in source:
        secret = source["secret"]
        entries, items = made[secret.get("secretName", secret.get("name"))], secret.get("items")
    else:
        return {}
    items = items or [{"key": key, "path": key} for key in entries]
    return {item["path"]: entries[item["key"]] for item in items}


def swap(place, files):
    """Writes a volume as a kubelet does: a folder of its own, and one rename of the link to it."""
    fresh = place / f"..{len(list(place.glob('..[0-9]*')))}"
    for path, text in files.items():
        target = fresh / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(0o440)
    link = place / "..data_tmp"
    link.symlink_to(fresh.name)
    os.replace(link, place / "..data")
    for top in {Path(path).parts[0] for path in files}:
        if not (place / top).is_symlink():
            (place / top).symlink_to(Path("..data", top))
