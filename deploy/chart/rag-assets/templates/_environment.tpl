{{/* Of a database on the server: the URL without user and password, which PGUSER and PGPASSWORD hold.
     (dict "root" . "database" "rag") */}}
{{- define "rag.databaseUrl" -}}
{{- $db := .root.Values.database -}}
{{- $host := $db.host -}}
{{- if contains ":" $host }}{{ $host = printf "[%s]" $host }}{{ end -}}
postgresql://{{ $host }}:{{ $db.port }}/{{ .database }}?sslmode={{ $db.sslMode }}
{{- if $db.caConfigMap.name }}&sslrootcert=/etc/rag/database/ca.pem{{ end }}
{{- end -}}

{{/* Dagster's tables lie in a schema of their own; a crash may cost its last run events and nobody a document. */}}
{{- define "rag.dagsterUrl" -}}
{{- $url := include "rag.databaseUrl" (dict "root" . "database" .Values.database.name) -}}
{{- $options := printf "-csynchronous_commit%%3Doff%%20-csearch_path%%3D%s" .Values.database.dagsterSchema -}}
{{- printf "%s&options=%s" (replace "postgresql://" "postgresql+psycopg2://" $url) $options -}}
{{- end -}}

{{/* What every process is told and nobody must hide: the data of a ConfigMap. */}}
{{- define "rag.settings" -}}
{{- $v := .Values -}}
RAG_DATABASE_URL: {{ include "rag.databaseUrl" (dict "root" . "database" $v.database.name) | quote }}
DAGSTER_POSTGRES_URL: {{ include "rag.dagsterUrl" . | quote }}
RAG_VECTORS: {{ $v.vectors.store | quote }}
{{- if eq $v.vectors.store "qdrant" }}
RAG_QDRANT_URL: {{ $v.vectors.qdrant.url | quote }}
{{- else if $v.vectors.timescale.database }}
RAG_TIMESCALE_URL: {{ include "rag.databaseUrl" (dict "root" . "database" $v.vectors.timescale.database) | quote }}
{{- end }}
RAG_PARQUET: {{ $v.objectStore.parquet | quote }}
AWS_REGION: {{ $v.objectStore.region | quote }}
AWS_DEFAULT_REGION: {{ $v.objectStore.region | quote }}
{{- if $v.objectStore.endpoint }}
AWS_ENDPOINT_URL: {{ $v.objectStore.endpoint | quote }}
{{- if hasPrefix "http://" $v.objectStore.endpoint }}
AWS_ALLOW_HTTP: "true"
{{- end }}
{{- end }}
{{- if $v.kafka.bootstrapServers }}
RAG_KAFKA: {{ $v.kafka.bootstrapServers | quote }}
{{- end }}
{{- if $v.chat.url }}
RAG_CHAT_URL: {{ $v.chat.url | quote }}
RAG_CHAT_MODEL: {{ $v.chat.model | quote }}
{{- end }}
{{- if $v.tracing.endpoint }}
RAG_OTLP_ENDPOINT: {{ $v.tracing.endpoint | quote }}
{{- end }}
RAG_LOG_FORMAT: json
RAG_REQUESTS_PER_MINUTE: {{ $v.api.requestsPerMinute | quote }}
RAG_ANSWERS_CONCURRENCY: {{ $v.answers.concurrency | quote }}
{{- range $name, $value := $v.settings }}
{{ $name }}: {{ $value | quote }}
{{- end }}
{{- end -}}

{{/* One variable from a Secret. (dict "name" "X" "secret" "s" "key" "k") */}}
{{- define "rag.fromSecret" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef: {name: {{ .secret | quote }}, key: {{ .key | quote }}}
{{- end -}}

{{- define "rag.databaseSecrets" -}}
{{- $c := .Values.database.credentials -}}
{{ include "rag.fromSecret" (dict "name" "PGUSER" "secret" $c.existingSecret "key" $c.usernameKey) }}
{{ include "rag.fromSecret" (dict "name" "PGPASSWORD" "secret" $c.existingSecret "key" $c.passwordKey) }}
{{- end -}}

{{/* What a component is told in secret: variables, each from one key of one Secret; `for` names what it is for.
     (dict "root" . "for" (list "objectStore" "vectors" "kafka" "chat")) */}}
{{- define "rag.secrets" -}}
{{- $v := .root.Values -}}
{{ include "rag.databaseSecrets" .root }}
{{- with $v.vectors.qdrant.apiKey }}{{ if and .existingSecret (eq $v.vectors.store "qdrant") (has "vectors" $.for) }}
{{ include "rag.fromSecret" (dict "name" "RAG_QDRANT_API_KEY" "secret" .existingSecret "key" .key) }}
{{- end }}{{ end }}
{{- with $v.objectStore.credentials }}{{ if and .existingSecret (has "objectStore" $.for) }}
{{ include "rag.fromSecret" (dict "name" "AWS_ACCESS_KEY_ID" "secret" .existingSecret "key" .accessKeyIdKey) }}
{{ include "rag.fromSecret" (dict "name" "AWS_SECRET_ACCESS_KEY" "secret" .existingSecret "key" .secretAccessKeyKey) }}
{{- end }}{{ end }}
{{- with $v.chat.apiKey }}{{ if and .existingSecret (has "chat" $.for) }}
{{ include "rag.fromSecret" (dict "name" "RAG_CHAT_API_KEY" "secret" .existingSecret "key" .key) }}
{{- end }}{{ end }}
{{- range $name, $from := merge (dict) (ternary (default dict $v.kafka.environment) (dict) (has "kafka" $.for)) $v.secretSettings }}
{{ include "rag.fromSecret" (dict "name" $name "secret" $from.existingSecret "key" $from.key) }}
{{- end }}
{{- end -}}
