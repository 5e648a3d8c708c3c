{{/* Names and labels. */}}
{{- define "lpwatch.name" -}}
{{- printf "%s-lpwatch" .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "lpwatch.labels" -}}
app.kubernetes.io/name: lpwatch
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "lpwatch.selector" -}}
app.kubernetes.io/name: lpwatch
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end -}}

{{- define "lpwatch.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{/* Who a pod is, and what it may do. */}}
{{- define "lpwatch.podSecurity" -}}
automountServiceAccountToken: false
# Variables for each service of the namespace would begin like our settings.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "lpwatch.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* A setting as text: lists with commas, whole numbers as they stand in the file (YAML gives them as floats). */}}
{{- define "lpwatch.setting" -}}
{{- if kindIs "slice" . -}}
{{- join "," . -}}
{{- else if and (kindIs "float64" .) (eq (floor .) .) -}}
{{- int64 . -}}
{{- else -}}
{{- . -}}
{{- end -}}
{{- end -}}

{{/* The settings of a role as environment: {"root": ., "role": "worker", "own": .Values.worker.settings} */}}
{{- define "lpwatch.env" -}}
{{- $root := .root -}}
{{- $settings := mergeOverwrite (deepCopy $root.Values.settings) (.own | default dict) -}}
{{- range $name, $value := $settings }}
- name: LPWATCH_{{ upper $name }}
  value: {{ include "lpwatch.setting" $value | quote }}
{{- end }}
- name: LPWATCH_HTTP
  value: 0.0.0.0:8080
- name: LPWATCH_HTTP_ALLOW_INSECURE
  value: "true"
{{- if ne .role "migrate" }}
- name: LPWATCH_WORKER_ID
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
{{- end }}
{{- if ne .role "gateway" }}
- name: LPWATCH_DATABASE
  value: {{ $root.Values.database | quote }}
{{- if $root.Values.secrets.database.name }}
- name: LPWATCH_DATABASE_PASSWORD_FILE
  value: /etc/lpwatch/database/password
{{- end }}
{{- end }}
{{- if ne .role "migrate" }}
{{- with $root.Values.secrets.kafka.name }}
- name: LPWATCH_KAFKA_SASL_USERNAME
  valueFrom: {secretKeyRef: {name: {{ . }}, key: username}}
- name: LPWATCH_KAFKA_SASL_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ . }}, key: password}}
{{- end }}
{{- if $root.Values.secrets.kafkaTls.name }}
- name: LPWATCH_KAFKA_CA
  value: /etc/lpwatch/kafka-tls/ca.crt
{{- if $root.Values.secrets.kafkaTls.mutual }}
- name: LPWATCH_KAFKA_CERT
  value: /etc/lpwatch/kafka-tls/tls.crt
- name: LPWATCH_KAFKA_KEY
  value: /etc/lpwatch/kafka-tls/tls.key
{{- end }}
{{- end }}
{{- end }}
{{- if eq .role "deliver" }}
{{- with $root.Values.secrets.fhirOut }}
{{- if .name }}
- name: LPWATCH_FHIR_OUT_TOKEN_FILE
  value: /etc/lpwatch/fhir-out/token
{{- if .ca }}
- name: LPWATCH_FHIR_OUT_CA
  value: /etc/lpwatch/fhir-out/ca.crt
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if and $root.Values.pack.configMap (eq .role "worker") }}
- name: LPWATCH_PACK
  value: /etc/lpwatch/pack
{{- end }}
{{- if eq .role "gateway" }}
- name: LPWATCH_MLLP
  value: 0.0.0.0:2575
{{- if $root.Values.secrets.mllpTls.name }}
- name: LPWATCH_MLLP_CERT
  value: /etc/lpwatch/mllp-tls/tls.crt
- name: LPWATCH_MLLP_KEY
  value: /etc/lpwatch/mllp-tls/tls.key
- name: LPWATCH_MLLP_CLIENT_CA
  value: /etc/lpwatch/mllp-tls/ca.crt
{{- end }}
{{- if $root.Values.secrets.fhirTokens.name }}
- name: LPWATCH_FHIR
  value: 0.0.0.0:8443
- name: LPWATCH_FHIR_TOKEN_FILE
  value: /etc/lpwatch/fhir-tokens/tokens
{{- if $root.Values.secrets.fhirTls.name }}
- name: LPWATCH_FHIR_CERT
  value: /etc/lpwatch/fhir-tls/tls.crt
- name: LPWATCH_FHIR_KEY
  value: /etc/lpwatch/fhir-tls/tls.key
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Where the files of the settings above are mounted. */}}
{{- define "lpwatch.mounts" -}}
{{- $root := .root -}}
- {name: tmp, mountPath: /tmp}
{{- if and $root.Values.secrets.database.name (ne .role "gateway") }}
- {name: database, mountPath: /etc/lpwatch/database, readOnly: true}
{{- end }}
{{- if and $root.Values.secrets.kafkaTls.name (ne .role "migrate") }}
- {name: kafka-tls, mountPath: /etc/lpwatch/kafka-tls, readOnly: true}
{{- end }}
{{- if and $root.Values.secrets.fhirOut.name (eq .role "deliver") }}
- {name: fhir-out, mountPath: /etc/lpwatch/fhir-out, readOnly: true}
{{- end }}
{{- if and $root.Values.pack.configMap (eq .role "worker") }}
- {name: pack, mountPath: /etc/lpwatch/pack, readOnly: true}
{{- end }}
{{- if eq .role "gateway" }}
{{- range $name, $key := dict "mllp-tls" "mllpTls" "fhir-tls" "fhirTls" "fhir-tokens" "fhirTokens" }}
{{- if (index $root.Values.secrets $key).name }}
- {name: {{ $name }}, mountPath: /etc/lpwatch/{{ $name }}, readOnly: true}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "lpwatch.volumes" -}}
{{- $root := .root -}}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- if and $root.Values.secrets.database.name (ne .role "gateway") }}
- name: database
  secret: {secretName: {{ $root.Values.secrets.database.name }}, defaultMode: 0440}
{{- end }}
{{- if and $root.Values.secrets.kafkaTls.name (ne .role "migrate") }}
- name: kafka-tls
  secret: {secretName: {{ $root.Values.secrets.kafkaTls.name }}, defaultMode: 0440}
{{- end }}
{{- if and $root.Values.secrets.fhirOut.name (eq .role "deliver") }}
- name: fhir-out
  secret: {secretName: {{ $root.Values.secrets.fhirOut.name }}, defaultMode: 0440}
{{- end }}
{{- if and $root.Values.pack.configMap (eq .role "worker") }}
- name: pack
  configMap:
    name: {{ $root.Values.pack.configMap }}
    {{- with $root.Values.pack.items }}
    items: {{- toYaml . | nindent 6 }}
    {{- end }}
{{- end }}
{{- if eq .role "gateway" }}
{{- range $name, $key := dict "mllp-tls" "mllpTls" "fhir-tls" "fhirTls" "fhir-tokens" "fhirTokens" }}
{{- with (index $root.Values.secrets $key).name }}
- name: {{ $name }}
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* A Deployment: {"root": ., "role": "worker", "values": .Values.worker, "ports": [...], "scaled": bool} */}}
{{- define "lpwatch.deployment" -}}
{{- $root := .root -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "lpwatch.name" $root }}-{{ .role }}
  labels: {{- include "lpwatch.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .role }}
spec:
  {{- if not .scaled }}
  replicas: {{ .values.replicas }}
  {{- end }}
  selector:
    matchLabels: {{- include "lpwatch.selector" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "lpwatch.selector" . | nindent 8 }}
      {{- with $root.Values.podAnnotations }}
      annotations: {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- include "lpwatch.podSecurity" $root | nindent 6 }}
      terminationGracePeriodSeconds: {{ $root.Values.terminationGracePeriodSeconds }}
      {{- with $root.Values.imagePullSecrets }}
      imagePullSecrets: {{- toYaml . | nindent 8 }}
      {{- end }}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: {{- include "lpwatch.selector" . | nindent 14 }}
      containers:
        - name: {{ .role }}
          image: {{ include "lpwatch.image" $root }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args: [{{ .role }}]
          env: {{- include "lpwatch.env" (dict "root" $root "role" .role "own" .values.settings) | nindent 12 }}
          ports:
            - {name: http, containerPort: 8080}
            {{- range .ports }}
            - {{ toYaml . | nindent 14 | trim }}
            {{- end }}
          livenessProbe:
            httpGet: {path: /healthz, port: http}
            periodSeconds: 15
            timeoutSeconds: 5
            failureThreshold: 4
          readinessProbe:
            httpGet: {path: /readyz, port: http}
            periodSeconds: 5
            timeoutSeconds: 5
          startupProbe:
            httpGet: {path: /healthz, port: http}
            periodSeconds: 2
            failureThreshold: 60
          securityContext: {{- include "lpwatch.containerSecurity" $root | nindent 12 }}
          resources: {{- toYaml .values.resources | nindent 12 }}
          volumeMounts: {{- include "lpwatch.mounts" . | nindent 12 }}
      volumes: {{- include "lpwatch.volumes" . | nindent 8 }}
      {{- with $root.Values.nodeSelector }}
      nodeSelector: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $root.Values.tolerations }}
      tolerations: {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end -}}
