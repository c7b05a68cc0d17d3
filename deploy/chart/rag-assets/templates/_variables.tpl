{{/* What `settings`, `secretSettings` and `kafka.environment` may not say, because other values (or nobody) say it: the value to
     use instead. A test
     compares these lists with the program's settings. */}}
{{- define "rag.variablesOfTheChart" -}}
RAG_DATABASE_URL: say database
RAG_DAGSTER_DATABASE_URL: say database.dagsterSchema
DAGSTER_POSTGRES_URL: say database.dagsterSchema
PGUSER: say database.credentials
PGPASSWORD: say database.credentials
RAG_VECTORS: say vectors.store
RAG_QDRANT_URL: say vectors.qdrant.url
RAG_QDRANT_API_KEY: say vectors.qdrant.apiKey
RAG_TIMESCALE_URL: say vectors.timescale.database
RAG_PARQUET: say objectStore.parquet
RAG_S3_ENDPOINT: say objectStore.endpoint
RAG_S3_REGION: say objectStore.region
RAG_S3_ACCESS_KEY_ID: say objectStore.credentials
RAG_S3_SECRET_ACCESS_KEY: say objectStore.credentials
AWS_REGION: say objectStore.region
AWS_DEFAULT_REGION: say objectStore.region
AWS_ENDPOINT_URL: say objectStore.endpoint
AWS_ALLOW_HTTP: say objectStore.endpoint
AWS_ACCESS_KEY_ID: say objectStore.credentials
AWS_SECRET_ACCESS_KEY: say objectStore.credentials
RAG_COLLECTIONS: say collections
RAG_KAFKA: say kafka.bootstrapServers
RAG_CHAT_URL: say chat.url
RAG_CHAT_MODEL: say chat.model
RAG_CHAT_API_KEY: say chat.apiKey
RAG_OTLP_ENDPOINT: say tracing.endpoint
RAG_REQUESTS_PER_MINUTE: say api.requestsPerMinute
RAG_ANSWERS_CONCURRENCY: say answers.concurrency
RAG_RUN_WORKERS: say dagster.runs.maxConcurrent
RAG_THREADS: say resources.requests.cpu of the component
RAG_HOME: it is always /var/lib/rag
DAGSTER_HOME: it is always /var/lib/rag/dagster
RAG_LOG_FORMAT: it is always json
RAG_AUTH: the query API always asks for keys (docs/api-keys.md)
RAG_API_HOST: the query API listens on every address of its pod; networkPolicy says who reaches it
RAG_API_PORT: it is always 8000, behind the Service
RAG_HEARTBEAT: the probes need it as it is
RAG_WORKER_METRICS: it is always port 9101
{{- range list "RAG_WORKSPACE" "RAG_RUN_LAUNCHER" "RAG_PARTS" "RAG_POSTGRES_PORT" "RAG_QDRANT_PORT" "RAG_DAGSTER_PORT" "RAG_S3_PORT" "RAG_KAFKA_PORT" }}
{{ . }}: it belongs to the stack on one machine, and nothing here reads it
{{- end }}
{{- end -}}

{{/* Settings that `settings` may say. */}}
{{- define "rag.furtherSettings" -}}
[RAG_MODEL_CACHE, RAG_API_URL, RAG_DAGSTER_URL, RAG_API_HOSTS, RAG_SESSIONS_WARM_DAYS, RAG_SESSIONS_KEEP_DAYS,
 RAG_HISTORY_DAYS, RAG_AUDIT_DAYS, RAG_ANSWER_THRESHOLD, RAG_CHAT_TOKENIZER, RAG_CHAT_CONTEXT_TOKENS,
 RAG_CHAT_MAX_TOKENS, RAG_CHAT_TIMEOUT_S, RAG_CHAT_CONCURRENCY, RAG_CHAT_QUEUE, RAG_CHAT_TEMPERATURE, RAG_CHAT_SEED,
 RAG_ANSWERS_QUEUE, RAG_ANSWERS_LEASE_S, RAG_ANSWERS_KEEP_DAYS, RAG_WEBHOOK_HOSTS]
{{- end -}}

{{/* Settings that hold a secret and have no value of their own. */}}
{{- define "rag.secretVariables" -}}
[RAG_API_KEY, RAG_WEBHOOK_SECRET]
{{- end -}}

{{/* Every variable has one origin: the API server refuses two of one name, or takes the second.
     (dict "env" "- name: …" "where" "api.environment") */}}
{{- define "rag.eachVariableOnce" -}}
{{- $seen := dict -}}
{{- range fromYamlArray .env -}}
{{- if hasKey $seen .name -}}
{{- fail (printf "%s says %s, which the chart (or the same list) says already: take it out." $.where .name) -}}
{{- end -}}
{{- $_ := set $seen .name true -}}
{{- end -}}
{{- end -}}
