{{/* A gateway's configuration: made as a map, merged with `config`, written as TOML. */}}

{{- define "antiphon.config" -}}
{{- $root := .root -}}
{{- $values := $root.Values -}}
{{- $port := include "antiphon.port" . -}}
{{- $host := default "address.pending" (include "antiphon.host" .) -}}
{{- $tls := include "antiphon.tls" . | fromYaml -}}
{{- $siblings := list -}}
{{- $dial := dict -}}
{{- range $ordinal := until (int $values.replicas) -}}
{{- if ne $ordinal (int $.ordinal) -}}
{{- $one := dict "root" $root "ordinal" $ordinal -}}
{{- $place := printf "%s:%d" (include "antiphon.siblingHost" $one) (int $values.link.port) -}}
{{- $siblings = append $siblings $place -}}
{{- $_ := set $dial (include "antiphon.gateway" $one) $place -}}
{{- end -}}
{{- end -}}
{{- $link := dict
  "listen" (printf "%s:%d" $values.link.listen (int $values.link.port))
  "advertise" (printf "%s:%s" (ternary (printf "[%s]" $host) $host (and (contains ":" $host) (not (hasPrefix "[" $host)))) $port)
  "tls" $tls
  "seeds" (concat $siblings $values.link.seeds)
  "peers" $values.link.peers
  "dial" (merge (dict) $values.link.dial $dial) -}}
{{- $names := deepCopy $values.identity.names -}}
{{- if and (include "antiphon.issued" $root) (not $values.certificates.uriSans) -}}
{{- $own := include "antiphon.allDnsNames" $root | fromJsonArray -}}
{{- $_ := set $names $values.region (concat $own (default list (get $names $values.region)) | uniq) -}}
{{- end -}}
{{- $config := dict
  "fabric" $values.fabric
  "region" $values.region
  "gateway" (include "antiphon.gateway" .)
  "broker" (include "antiphon.brokerConfig" . | fromYaml)
  "link" $link
  "identity" (dict "names" $names "common_name" $values.identity.commonName)
  "transit" (dict "allow" $values.transit)
  "export" (dict "collectives" $values.collectives)
  "drain" (dict "grace" $values.drainGrace)
  "http" (dict "listen" (printf "%s:%d" $values.http.listen (int $values.http.port)))
  "log" (dict "format" $values.log.format "filter" $values.log.filter) -}}
{{- with $values.federation -}}
{{- $_ := set $config "federation" (dict "names" .) -}}
{{- end -}}
{{- with include "antiphon.vaultConfig" . -}}
{{- $_ := set $config.identity "vault" (fromYaml .) -}}
{{- end -}}
{{- if $values.policy -}}
{{- $_ := set $config "policy" (dict "file" "../policy/policy.toml") -}}
{{- end -}}
{{- include "antiphon.toml" (mergeOverwrite $config (deepCopy $values.config)) -}}
{{- end -}}

{{/* The section [broker], as YAML. */}}
{{- define "antiphon.brokerConfig" -}}
{{- $broker := .root.Values.broker -}}
{{- $auth := $broker.auth -}}
servers:
{{- if $broker.enabled }}
{{- range splitList "\n" (include "antiphon.brokerHosts" .root | trim) }}
  - nats://{{ . }}:4222
{{- end }}
monitors:
{{- range splitList "\n" (include "antiphon.brokerHosts" .root | trim) }}
  - http://{{ . }}:8222
{{- end }}
{{- else }}
{{ toYaml $broker.servers | indent 2 }}
{{- with $broker.monitors }}
monitors: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- if or $broker.enabled $broker.tls.enabled }}
tls:
{{- if $broker.tls.existingSecret }}
  certificate: ../broker-tls/tls.crt
  key: ../broker-tls/tls.key
  ca: ../broker-tls/ca.crt
{{- else }}
{{ include "antiphon.tls" . | indent 2 }}
{{- end }}
{{- end }}
{{- with $broker.replySubject }}
reply_subject: {{ . | quote }}
{{- end }}
{{- with $auth.user }}
user: {{ . | quote }}
password_file: ../broker-auth/{{ $auth.passwordKey }}
{{- end }}
{{- with $auth.tokenKey }}
token_file: ../broker-auth/{{ . }}
{{- end }}
{{- with $auth.credentialsKey }}
credentials: ../broker-auth/{{ . }}
{{- end }}
{{- with $auth.choria.tokenKey }}
choria:
  token: ../broker-auth/{{ . }}
  seed: ../broker-auth/{{ $auth.choria.seedKey }}
{{- end }}
{{- end -}}

{{/* A map as TOML: plain values first, then a table for each map; deeper maps are inline. */}}
{{- define "antiphon.toml" -}}
{{- range $key, $value := . }}
{{- if not (or (kindIs "map" $value) (kindIs "invalid" $value)) }}
{{ include "antiphon.tomlKey" $key }} = {{ include "antiphon.tomlValue" $value }}
{{- end }}
{{- end }}
{{- range $table, $value := . }}
{{- if kindIs "map" $value }}

[{{ include "antiphon.tomlKey" $table }}]
{{- range $key, $inner := $value }}
{{- if not (kindIs "invalid" $inner) }}
{{ include "antiphon.tomlKey" $key }} = {{ include "antiphon.tomlValue" $inner }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "antiphon.tomlKey" -}}
{{- if regexMatch "^[A-Za-z0-9_-]+$" . -}}{{ . }}{{- else -}}{{ toJson . }}{{- end -}}
{{- end -}}

{{/* Numbers of values files are floats; whole ones are integers to the gateway. */}}
{{- define "antiphon.tomlValue" -}}
{{- if kindIs "map" . -}}
{ {{- range $index, $key := keys . | sortAlpha -}}
{{- if $index }},{{ end }} {{ include "antiphon.tomlKey" $key }} = {{ include "antiphon.tomlValue" (get $ $key) }}
{{- end }} }
{{- else if kindIs "slice" . -}}
[
{{- range $index, $value := . -}}
{{- if $index }}, {{ end }}{{ include "antiphon.tomlValue" $value }}
{{- end -}}
]
{{- else if kindIs "float64" . -}}
{{- if eq . (floor .) -}}{{ int64 . }}{{- else -}}{{ . }}{{- end -}}
{{- else -}}
{{ toJson . }}
{{- end -}}
{{- end -}}
