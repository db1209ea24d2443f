{{/* Certificates that gateways have signed by Vault themselves: identity.vault. */}}

{{/* "true" where they do. */}}
{{- define "antiphon.asksVault" -}}
{{- if .Values.identity.vault.enabled -}}
{{- if or (include "antiphon.certManager" .) .Values.certificates.existingSecret -}}
{{- fail "identity.vault: certificates come from there, or from certManagerIssuer, vaultIssuer or certificates.existingSecret, but not from two of them" -}}
{{- end -}}
true
{{- end -}}
{{- end -}}

{{/* Where Vault's own CA is mounted from, as part of a volume; empty where it is not. */}}
{{- define "antiphon.vaultCa" -}}
{{- $vault := .Values.identity.vault -}}
{{- if $vault.ca.configMap -}}
configMap:
  name: {{ $vault.ca.configMap | quote }}
  items: [{key: {{ $vault.ca.key | quote }}, path: ca.crt}]
{{- else if $vault.ca.secret -}}
secret:
  secretName: {{ $vault.ca.secret | quote }}
  items: [{key: {{ $vault.ca.key | quote }}, path: ca.crt}]
{{- else if hasPrefix "https:" $vault.address -}}
{{- fail "identity.vault.ca: https needs whom to trust: name a configMap or a secret with the CA of Vault's certificate" -}}
{{- end -}}
{{- end -}}

{{/* The section [identity.vault] of one gateway, as YAML; empty where another source gives certificates. */}}
{{- define "antiphon.vaultConfig" -}}
{{- $root := .root -}}
{{- $certificates := $root.Values.certificates -}}
{{- if include "antiphon.asksVault" $root -}}
{{- with $root.Values.identity.vault -}}
address: {{ .address | quote }}
{{- with .namespace }}
namespace: {{ . | quote }}
{{- end }}
{{- if include "antiphon.vaultCa" $root }}
ca: ../vault-ca/ca.crt
{{- end }}
auth_mount: {{ .authMount | quote }}
role_id: {{ .roleId | quote }}
secret_id_file: ../vault/secret-id
mount: {{ .mount | quote }}
role: {{ .role | quote }}
key_type: {{ .keyType }}
{{- with .ttl }}
ttl: {{ . | quote }}
{{- end }}
{{- end }}
uri: {{ $certificates.uriSans }}
{{- with $certificates.commonName }}
common_name: {{ . | quote }}
{{- end }}
{{- /* A role signs what it lists: names are asked for where they are needed, or given. */}}
{{- $names := $certificates.dnsNames -}}
{{- if not $certificates.uriSans -}}
{{- $names = concat (include "antiphon.dnsNames" . | splitList "\n") $names | compact | uniq -}}
{{- end }}
dns_names: {{ toJson $names }}
{{- end -}}
{{- end -}}

{{- define "antiphon.vaultVolumes" -}}
- name: vault
  secret:
    secretName: {{ .Values.identity.vault.secret.name | quote }}
    defaultMode: 0440
    items: [{key: {{ .Values.identity.vault.secret.key | quote }}, path: secret-id}]
{{- with include "antiphon.vaultCa" . }}
- name: vault-ca
  {{- . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The port of Vault's URL. */}}
{{- define "antiphon.vaultPort" -}}
{{- $address := .Values.identity.vault.address -}}
{{- regexFind ":[0-9]+/?$" $address | trimPrefix ":" | trimSuffix "/" | default (ternary "443" "80" (hasPrefix "https:" $address)) -}}
{{- end -}}
