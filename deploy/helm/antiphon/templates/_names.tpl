{{/* Names, labels and addresses. Whatever concerns one gateway takes (dict "root" $ "ordinal" N). */}}

{{- define "antiphon.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 48 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 48 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 48 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "antiphon.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: gateway
{{- end -}}

{{- define "antiphon.labels" -}}
{{ include "antiphon.selector" . }}
{{ include "antiphon.commonLabels" . }}
{{- end -}}

{{- define "antiphon.brokerSelector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: broker
{{- end -}}

{{- define "antiphon.brokerLabels" -}}
{{ include "antiphon.brokerSelector" . }}
{{ include "antiphon.commonLabels" . }}
{{- end -}}

{{- define "antiphon.commonLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "antiphon.image" -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}

{{- define "antiphon.serviceAccount" -}}
{{ default (include "antiphon.fullname" .) .Values.serviceAccount.name }}
{{- end -}}

{{/* The pod of an ordinal; its Service has the same name. */}}
{{- define "antiphon.pod" -}}
{{ include "antiphon.fullname" .root }}-{{ .ordinal }}
{{- end -}}

{{/* The gateway's name, unique in the fabric. */}}
{{- define "antiphon.gateway" -}}
{{ .root.Values.gatewayName | replace "{region}" .root.Values.region | replace "{ordinal}" (toString .ordinal) }}
{{- end -}}

{{- define "antiphon.namespaceDomain" -}}
{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}
{{- end -}}

{{/* Where siblings reach it: within the cluster, ready or not. */}}
{{- define "antiphon.siblingHost" -}}
{{ include "antiphon.pod" . }}.{{ include "antiphon.fullname" .root }}.{{ include "antiphon.namespaceDomain" .root }}
{{- end -}}

{{/* The host that it advertises; empty where only the load balancer will tell. */}}
{{- define "antiphon.host" -}}
{{- $exposure := .root.Values.exposure -}}
{{- if kindIs "slice" $exposure.hosts -}}
{{- if $exposure.hosts -}}
{{- if lt (len $exposure.hosts) (int .root.Values.replicas) -}}
{{- fail (printf "exposure.hosts names %d hosts for %d gateways: give one for each, or one text with {ordinal}" (len $exposure.hosts) (int .root.Values.replicas)) -}}
{{- end -}}
{{- index $exposure.hosts .ordinal -}}
{{- end -}}
{{- else if $exposure.hosts -}}
{{- $exposure.hosts | replace "{ordinal}" (toString .ordinal) | replace "{gateway}" (include "antiphon.gateway" .) -}}
{{- else if eq $exposure.type "ClusterIP" -}}
{{ include "antiphon.pod" . }}.{{ include "antiphon.namespaceDomain" .root }}
{{- end -}}
{{- end -}}

{{/* The port that it advertises. */}}
{{- define "antiphon.port" -}}
{{- $exposure := .root.Values.exposure -}}
{{- if eq $exposure.type "NodePort" -}}
{{- if lt (len $exposure.nodePorts) (int .root.Values.replicas) -}}
{{- fail (printf "exposure.nodePorts has %d ports for %d gateways: each needs one of its own" (len $exposure.nodePorts) (int .root.Values.replicas)) -}}
{{- end -}}
{{- index $exposure.nodePorts .ordinal -}}
{{- else -}}
{{- $exposure.port -}}
{{- end -}}
{{- end -}}

{{/* "true" where an init step waits for the load balancer's address. */}}
{{- define "antiphon.waits" -}}
{{- if and (eq .Values.exposure.type "LoadBalancer") (not .Values.exposure.hosts) -}}true{{- end -}}
{{- end -}}

{{- define "antiphon.brokerName" -}}
{{ include "antiphon.fullname" . }}-broker
{{- end -}}

{{/* The broker servers that the chart runs, one host a line. */}}
{{- define "antiphon.brokerHosts" -}}
{{- range $ordinal := until (int .Values.broker.replicas) }}
{{ include "antiphon.brokerName" $ }}-{{ $ordinal }}.{{ include "antiphon.brokerName" $ }}.{{ include "antiphon.namespaceDomain" $ }}
{{- end }}
{{- end -}}
