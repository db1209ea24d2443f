{{/* Where certificates come from: secrets, their folders, who issues them. */}}

{{/* "true" where cert-manager issues the gateways' certificates. */}}
{{- define "antiphon.certManager" -}}
{{- if or .Values.certManagerIssuer .Values.vaultIssuer.enabled -}}true{{- end -}}
{{- end -}}

{{/* "true" where the values decide what certificates say, whoever signs them. */}}
{{- define "antiphon.issued" -}}
{{- if or (include "antiphon.certManager" .) (include "antiphon.asksVault" .) -}}true{{- end -}}
{{- end -}}

{{/* The secret of a gateway: its own, or that of all. */}}
{{- define "antiphon.secret" -}}
{{- $values := .root.Values -}}
{{- if not (include "antiphon.certManager" .root) -}}
{{ $values.certificates.existingSecret }}
{{- else if $values.certificates.perGateway -}}
{{ include "antiphon.pod" . }}-tls
{{- else -}}
{{ include "antiphon.fullname" .root }}-tls
{{- end -}}
{{- end -}}

{{/* The folder of a gateway's certificate, seen from its configuration. */}}
{{- define "antiphon.tlsFolder" -}}
{{- if and .root.Values.certificates.perGateway (include "antiphon.certManager" .root) -}}
../tls/{{ .ordinal }}
{{- else -}}
../tls
{{- end -}}
{{- end -}}

{{/* The files of the gateway's TLS, as a map. */}}
{{- define "antiphon.tls" -}}
{{- $folder := include "antiphon.tlsFolder" . -}}
{{- $trust := .root.Values.certificates.trust -}}
certificate: {{ $folder }}/tls.crt
key: {{ $folder }}/tls.key
ca: {{ if or $trust.configMap $trust.secret }}../trust/ca.crt{{ else }}{{ $folder }}/ca.crt{{ end }}
{{- if .root.Values.certificates.crl.configMap }}
crl: [../crl/crl.pem]
{{- end }}
{{- end -}}

{{- define "antiphon.issuerRef" -}}
{{- if .Values.vaultIssuer.enabled -}}
name: {{ include "antiphon.fullname" . }}-vault
kind: Issuer
group: cert-manager.io
{{- else -}}
name: {{ .Values.certManagerIssuer | quote }}
kind: {{ .Values.certificates.issuerKind | quote }}
group: {{ .Values.certificates.issuerGroup | quote }}
{{- end -}}
{{- end -}}

{{/* The DNS names of one gateway's certificate, one a line: where others reach it. */}}
{{- define "antiphon.dnsNames" -}}
{{- $host := include "antiphon.host" . }}
{{- if and $host (not (regexMatch "^[0-9.]+$|:" $host)) }}
{{ $host }}
{{- end }}
{{ include "antiphon.siblingHost" . }}
{{- end -}}

{{/* The DNS names of all gateways' certificates, as a list in JSON. */}}
{{- define "antiphon.allDnsNames" -}}
{{- $names := list -}}
{{- range $ordinal := until (int .Values.replicas) -}}
{{- $names = concat $names (include "antiphon.dnsNames" (dict "root" $ "ordinal" $ordinal) | splitList "\n") -}}
{{- end -}}
{{- concat $names .Values.certificates.dnsNames | compact | uniq | toJson -}}
{{- end -}}

{{/* What every Certificate of the chart has in common. */}}
{{- define "antiphon.certificateSpec" -}}
duration: {{ .Values.certificates.duration }}
renewBefore: {{ .Values.certificates.renewBefore }}
privateKey:
  algorithm: {{ .Values.certificates.privateKey.algorithm }}
  size: {{ .Values.certificates.privateKey.size }}
  encoding: PKCS8
  rotationPolicy: Always
{{- with .Values.certificates.commonName }}
commonName: {{ . | quote }}
{{- end }}
usages: [server auth, client auth, digital signature]
issuerRef: {{- include "antiphon.issuerRef" . | nindent 2 }}
{{- end -}}
