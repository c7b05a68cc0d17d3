{{/* Authorities of the servers, mounted into every pod. */}}
{{- define "rag.authorityVolumes" -}}
{{- with .Values.database.caConfigMap }}{{ if .name }}
- name: database-authority
  configMap: {name: {{ .name | quote }}, items: [{key: {{ .key | quote }}, path: ca.pem}]}
{{- end }}{{ end }}
{{- with .Values.kafka.caConfigMap }}{{ if .name }}
- name: kafka-authority
  configMap: {name: {{ .name | quote }}, items: [{key: {{ .key | quote }}, path: ca.pem}]}
{{- end }}{{ end }}
{{- end -}}

{{- define "rag.authorityMounts" -}}
{{- if .Values.database.caConfigMap.name }}
- {name: database-authority, mountPath: /etc/rag/database, readOnly: true}
{{- end }}
{{- if .Values.kafka.caConfigMap.name }}
- {name: kafka-authority, mountPath: /etc/rag/kafka, readOnly: true}
{{- end }}
{{- end -}}

{{- define "rag.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .Values.podDefaults.userId }}
runAsGroup: {{ .Values.podDefaults.groupId }}
fsGroup: {{ .Values.podDefaults.groupId }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "rag.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* The variables of a component, but for those that every one has from the ConfigMap. */}}
{{- define "rag.env" -}}
{{- if .part.hook -}}
{{- include "rag.databaseSecrets" .root | nindent 0 }}
{{- else if not .part.foreign -}}
{{- include "rag.secrets" (dict "root" .root "for" .part.secrets) | nindent 0 }}
{{- end }}
{{- with .part.environment }}
{{- toYaml . | nindent 0 }}
{{- end }}
{{- with .part.values.environment }}
{{- toYaml . | nindent 0 }}
{{- end }}
{{- end -}}

{{/* The pod template of a component. `part` says what differs:
     component, image, account, values (resources, nodeSelector, tolerations, environment), command, environment, ports,
     startupProbe, livenessProbe, readinessProbe, graceS, scratch, secrets (what for), and whether it mounts `dagster`'s configuration,
     asks the cluster (`kubernetes`), has copies to spread (`copies`), knows nothing of our settings (`foreign`). */}}
{{- define "rag.pod" -}}
{{- $root := .root -}}
{{- $part := .part -}}
{{- $labels := dict "root" $root "component" $part.component -}}
metadata:
  labels:
    {{- include "rag.labels" $labels | nindent 4 }}
    {{- with $root.Values.podDefaults.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    {{- if not $part.foreign }}
    checksum/settings: {{ include "rag.settings" $root | sha256sum }}
    {{- end }}
    {{- if $part.collections }}
    checksum/collections: {{ toYaml $root.Values.collections | sha256sum }}
    {{- end }}
    {{- if $part.dagster }}
    checksum/dagster: {{ include "rag.dagsterYaml" $root | sha256sum }}
    {{- end }}
    {{- with $root.Values.podDefaults.annotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ $part.account }}
  automountServiceAccountToken: {{ default false $part.kubernetes }}
  enableServiceLinks: false
  {{- with $root.Values.podDefaults.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $root.Values.images.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  securityContext:
    {{- include "rag.podSecurity" $root | nindent 4 }}
  terminationGracePeriodSeconds: {{ $part.graceS }}
  {{- with $part.restartPolicy }}
  restartPolicy: {{ . }}
  {{- end }}
  {{- with $part.values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $part.values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if $part.copies }}
  topologySpreadConstraints:
    {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "rag.selector" $labels | nindent 10 }}
    {{- end }}
  {{- end }}
  containers:
    - name: {{ $part.component }}
      image: {{ include "rag.image" (dict "root" $root "image" $part.image) | quote }}
      imagePullPolicy: {{ $part.image.pullPolicy }}
      {{- with $part.command }}
      command: {{ toJson . }}
      {{- end }}
      securityContext:
        {{- include "rag.containerSecurity" $root | nindent 8 }}
      {{- if not $part.foreign }}
      {{- if not $part.hook }}
      envFrom:
        - configMapRef: {name: {{ include "rag.fullname" $root }}-settings}
      {{- end }}
      {{- end }}
      {{- $env := include "rag.env" . }}
      {{- include "rag.eachVariableOnce" (dict "env" $env "where" (printf "environment of %s" $part.component)) }}
      env:
        {{- $env | nindent 8 }}
      {{- with $part.ports }}
      ports:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- range $probe := list "startupProbe" "livenessProbe" "readinessProbe" "lifecycle" }}
      {{- with index $part $probe }}
      {{ $probe }}:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- end }}
      resources:
        {{- toYaml $part.values.resources | nindent 8 }}
      {{- if not $part.foreign }}
      volumeMounts:
        - {name: home, mountPath: /var/lib/rag}
        - {name: tmp, mountPath: /tmp}
        {{- if $part.collections }}
        - {name: collections, mountPath: /etc/rag/collections, readOnly: true}
        {{- end }}
        {{- if $part.dagster }}
        - {name: dagster, mountPath: /var/lib/rag/dagster, readOnly: true}
        {{- end }}
        {{- include "rag.authorityMounts" $root | indent 8 }}
      {{- end }}
  {{- if not $part.foreign }}
  volumes:
    - name: home
      emptyDir: {sizeLimit: {{ default "1Gi" $part.scratch }}}
    - name: tmp
      emptyDir: {sizeLimit: {{ default "1Gi" $part.scratch }}}
    {{- if $part.collections }}
    - name: collections
      configMap: {name: {{ include "rag.collectionsConfigMap" $root }}}
    {{- end }}
    {{- if $part.dagster }}
    - name: dagster
      configMap: {name: {{ include "rag.fullname" $root }}-dagster}
    {{- end }}
    {{- include "rag.authorityVolumes" $root | indent 4 }}
  {{- end }}
{{- end -}}

{{/* A component that runs always. `part` beside the above: replicas (left out where something scales it), alone (never two). */}}
{{- define "rag.deployment" -}}
{{- $labels := dict "root" .root "component" .part.component -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "rag.fullname" .root }}-{{ .part.component }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "rag.labels" $labels | nindent 4 }}
spec:
  {{- if hasKey .part "replicas" }}
  replicas: {{ .part.replicas }}
  {{- end }}
  revisionHistoryLimit: 3
  strategy:
    {{- if .part.alone }}
    type: Recreate
    {{- else }}
    type: RollingUpdate
    rollingUpdate: {maxSurge: 1, maxUnavailable: 0}
    {{- end }}
  selector:
    matchLabels:
      {{- include "rag.selector" $labels | nindent 6 }}
  template:
    {{- include "rag.pod" . | nindent 4 }}
{{- end -}}

{{/* Asks the sign of life of a program that listens nowhere. */}}
{{- define "rag.heartbeatProbes" -}}
startupProbe:
  exec: {command: [python, -m, resources.clients.heartbeat]}
  periodSeconds: 5
  timeoutSeconds: 10
  failureThreshold: 36
livenessProbe:
  exec: {command: [python, -m, resources.clients.heartbeat, --within, "90"]}
  periodSeconds: 30
  timeoutSeconds: 10
  failureThreshold: 3
{{- end -}}
