{{/* Parts of pods. */}}

{{/* A duration such as 25s or 2m, in seconds. */}}
{{- define "antiphon.seconds" -}}
{{- if hasSuffix "m" . -}}{{ mul 60 (trimSuffix "m" . | int) }}{{- else -}}{{ trimSuffix "s" . | int }}{{- end -}}
{{- end -}}

{{- define "antiphon.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* The gateways' certificates: one secret, or a folder for each gateway, or what the gateway writes itself, which ends with the pod.
     The key of a secret is the group's to read: fsGroup is ours. */}}
{{- define "antiphon.tlsVolume" -}}
- name: tls
{{- if include "antiphon.asksVault" . }}
  emptyDir: {medium: Memory, sizeLimit: 1Mi}
{{- else if and .Values.certificates.perGateway (include "antiphon.certManager" .) }}
  projected:
    defaultMode: 0440
    sources:
      {{- range $ordinal := until (int .Values.replicas) }}
      - secret:
          name: {{ include "antiphon.secret" (dict "root" $ "ordinal" $ordinal) }}
          items:
            {{- range list "tls.crt" "tls.key" "ca.crt" }}
            - {key: {{ . }}, path: {{ $ordinal }}/{{ . }}}
            {{- end }}
      {{- end }}
{{- else }}
  secret:
    secretName: {{ include "antiphon.secret" (dict "root" . "ordinal" 0) | quote }}
    defaultMode: 0440
{{- end }}
{{- end -}}

{{/* Waits until the load balancer has given this pod's Service an address, and writes the configuration with it. */}}
{{- define "antiphon.waitContainer" -}}
- name: address
  image: {{ .Values.exposure.wait.image | quote }}
  command: [sh, /etc/antiphon/wait/wait.sh]
  env:
    - name: POD_NAME
      valueFrom:
        fieldRef:
          fieldPath: metadata.name
    - {name: CONFIG, value: /etc/antiphon/config}
    - {name: WRITTEN, value: /etc/antiphon/written}
    - {name: HOME, value: /etc/antiphon/written}
    - {name: SECONDS_MAX, value: {{ include "antiphon.seconds" .Values.exposure.wait.timeout | quote }}}
  resources:
    requests: {cpu: 10m, memory: 64Mi}
    limits: {memory: 128Mi}
  securityContext: {{- include "antiphon.containerSecurity" . | nindent 4 }}
  volumeMounts:
    - {name: config, mountPath: /etc/antiphon/config, readOnly: true}
    - {name: wait, mountPath: /etc/antiphon/wait, readOnly: true}
    - {name: written, mountPath: /etc/antiphon/written}
    # Only this container may ask the API server.
    - {name: token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
{{- end -}}

{{- define "antiphon.waitVolumes" -}}
- name: wait
  configMap:
    name: {{ include "antiphon.fullname" . }}-wait
- name: written
  emptyDir: {sizeLimit: 16Mi}
- name: token
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken: {path: token, expirationSeconds: 3600}
      - configMap:
          name: kube-root-ca.crt
          items: [{key: ca.crt, path: ca.crt}]
      - downwardAPI:
          items:
            - path: namespace
              fieldRef: {fieldPath: metadata.namespace}
{{- end -}}
