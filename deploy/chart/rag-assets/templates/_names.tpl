{{- define "rag.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "rag.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "rag.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "rag.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What a component's pods are found by; it never changes. (dict "root" . "component" "api") */}}
{{- define "rag.selector" -}}
app.kubernetes.io/name: {{ include "rag.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "rag.labels" -}}
{{ include "rag.selector" . }}
app.kubernetes.io/part-of: rag-assets
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{/* (dict "root" . "image" .Values.images.api) */}}
{{- define "rag.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ default .root.Chart.AppVersion .image.tag }}
{{- end -}}
{{- end -}}

{{/* (dict "root" . "account" "runs") */}}
{{- define "rag.serviceAccount" -}}
{{- $account := index .root.Values.serviceAccounts .account -}}
{{- default (printf "%s-%s" (include "rag.fullname" .root) .account) $account.name -}}
{{- end -}}

{{- define "rag.collectionsConfigMap" -}}
{{- default (printf "%s-collections" (include "rag.fullname" .)) .Values.collections.existingConfigMap -}}
{{- end -}}
