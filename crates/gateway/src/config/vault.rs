//! `[identity.vault]`: certificates that we have made.

use antiphon_core::{GatewayId, RegionId};
use antiphon_identity::vault::{KeyType, SecretId, Subject, VaultConfig};

use super::{
    field::Field,
    raw::{RawKeyType, RawTls, RawVault},
    reader::Reader,
};

/// Where AppRole is mounted unless configured.
const AUTH_MOUNT_DEFAULT: &str = "approle";
/// Where the PKI is mounted unless configured.
const MOUNT_DEFAULT: &str = "pki";

/// Has the files of `[link] tls` count as made by us; to be called before any section is read.
pub(super) fn expect_files(raw: Option<&RawTls>, reader: &mut Reader<'_>) {
    let Some(RawTls { certificate, key, ca, .. }) = raw else { return };
    for file in [certificate, key, ca] {
        if let Field::Good(path) = file {
            let path = reader.folder.join(path);
            reader.enrolled.push(path);
        }
    }
}

pub(super) fn vault(raw: RawVault, reader: &mut Reader<'_>) -> Option<VaultConfig> {
    let address = reader.required(raw.address, "identity.vault.address");
    let ca = match raw.ca.is_absent() {
        true => None,
        false => reader.file(raw.ca, "identity.vault.ca"),
    };
    let tls = |url: &antiphon_identity::vault::VaultUrl| url.tls;
    if ca.is_none() && address.as_ref().is_some_and(tls) {
        reader.problems.add("identity.vault.ca", "is missing: https needs whom to trust");
    }
    let wrapped = raw.wrapped.or(false, "identity.vault.wrapped", reader.problems);
    let secret_id = match raw.secret_id_file.is_absent() {
        true => None,
        false => reader.file(raw.secret_id_file, "identity.vault.secret_id_file"),
    };
    let namespace = raw.namespace.optional("identity.vault.namespace", reader.problems);
    let mount = |field: Field<String>, default: &str, key: &str, reader: &mut Reader<'_>| {
        let mount = field.or(default.to_owned(), key, reader.problems);
        mount.trim_matches('/').to_owned()
    };
    let auth_mount = mount(raw.auth_mount, AUTH_MOUNT_DEFAULT, "identity.vault.auth_mount", reader);
    let mount = mount(raw.mount, MOUNT_DEFAULT, "identity.vault.mount", reader);
    let role_id = raw.role_id.required("identity.vault.role_id", reader.problems);
    let role = raw.role.required("identity.vault.role", reader.problems);
    let common_name = raw.common_name.optional("identity.vault.common_name", reader.problems);
    let dns_names = raw.dns_names.or(Vec::new(), "identity.vault.dns_names", reader.problems);
    // The URI itself is filled in once fabric, region and gateway are known.
    let uris = match raw.uri.or(true, "identity.vault.uri", reader.problems) {
        true => vec![String::new()],
        false => Vec::new(),
    };
    if uris.is_empty() && dns_names.is_empty() && common_name.is_none() {
        let reason = "is missing: without a URI a certificate needs another name";
        reader.problems.add("identity.vault.dns_names", reason);
    }
    let ttl = raw.ttl.optional("identity.vault.ttl", reader.problems).map(|ttl| ttl.0);
    let key_type =
        raw.key_type.or(RawKeyType::EcdsaP256, "identity.vault.key_type", reader.problems);
    Some(VaultConfig {
        address: address?,
        namespace,
        ca,
        auth_mount,
        role_id: role_id?,
        secret_id: secret_id.map(|file| SecretId { file, wrapped }),
        mount,
        role: role?,
        subject: Subject { common_name, dns_names, uris },
        ttl,
        key_type: match key_type {
            RawKeyType::EcdsaP256 => KeyType::EcdsaP256,
            RawKeyType::Rsa2048 => KeyType::Rsa2048,
        },
    })
}

/// Names ourselves in the certificate that is asked for, where it is to hold a URI.
pub(super) fn name(
    vault: &mut VaultConfig,
    fabric: &RegionId,
    region: &RegionId,
    gateway: &GatewayId,
) {
    for uri in &mut vault.subject.uris {
        *uri = format!("antiphon://{fabric}/{region}/{gateway}");
    }
}
