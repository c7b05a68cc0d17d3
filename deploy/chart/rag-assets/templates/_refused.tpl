{{/* Values that the schema cannot refuse, or not in words that help. Included by values-refused.yaml, which Helm renders first. */}}
{{- define "rag.refuseNames" -}}
{{- $name := include "rag.fullname" . -}}
{{- if not (regexMatch "^[a-z]([a-z0-9-]*[a-z0-9])?$" $name) -}}
{{- fail (printf "The names of the Services begin with %q, and Kubernetes takes small letters, digits and hyphens there, a letter first: say fullnameOverride, or name the release otherwise." $name) -}}
{{- end -}}
{{- end -}}

{{/* Variables that other values make, and those that are no settings. */}}
{{- define "rag.refuseVariables" -}}
{{- $v := .Values -}}
{{- $known := fromYaml (include "rag.variablesOfTheChart" .) -}}
{{- $secret := fromYamlArray (include "rag.secretVariables" .) -}}
{{- $further := fromYamlArray (include "rag.furtherSettings" .) -}}
{{- $kafka := default dict $v.kafka.environment -}}
{{- range $name, $_ := $v.settings -}}
{{- if hasKey $known $name -}}
{{- fail (printf "settings.%s: %s." $name (get $known $name)) -}}
{{- else if has $name $secret -}}
{{- fail (printf "settings.%s is a secret: say secretSettings.%s, with the Secret that holds it." $name $name) -}}
{{- else if not (has $name $further) -}}
{{- fail (printf "settings.%s is no setting of docs/local-stack.md. Those that may be said here: %s." $name (join ", " $further)) -}}
{{- end -}}
{{- end -}}
{{- range $where, $variables := dict "secretSettings" $v.secretSettings "kafka.environment" $kafka -}}
{{- range $name, $_ := $variables -}}
{{- if hasKey $known $name -}}
{{- fail (printf "%s.%s: %s." $where $name (get $known $name)) -}}
{{- else if and (hasPrefix "RAG_" $name) (not (has $name $secret)) (not (has $name $further)) -}}
{{- fail (printf "%s.%s is no setting of docs/local-stack.md." $where $name) -}}
{{- else if hasKey $v.settings $name -}}
{{- fail (printf "%s.%s is said by settings.%s as well: keep one of them." $where $name $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $name, $_ := $kafka -}}
{{- if hasKey $v.secretSettings $name -}}
{{- fail (printf "kafka.environment.%s is said by secretSettings.%s as well: keep one of them." $name $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Collection files that no process could read: no YAML, or a folder of one machine. */}}
{{- define "rag.refuseCollections" -}}
{{- with .Values.collections -}}
{{- if and .files .existingConfigMap -}}
{{- fail "collections.files and collections.existingConfigMap are both said, and only the ConfigMap would be read: keep one of them." -}}
{{- end -}}
{{- range $name, $text := .files -}}
{{- $read := fromYaml $text -}}
{{- if hasKey $read "Error" -}}
{{- fail (printf "collections.files.%s is no YAML of a collection: %s" $name (get $read "Error")) -}}
{{- end -}}
{{- $sources := get $read "sources" -}}
{{- if kindIs "slice" $sources -}}
{{- range $sources -}}
{{- if and (kindIs "map" .) (kindIs "string" .url) (not (hasPrefix "s3://" (toString .url))) -}}
{{- fail (printf "collections.files.%s: the source %v is a folder (%s), and pods have none: name s3://bucket/prefix." $name .name .url) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* An s3:// place as what one may compare: a slash behind every step, none twice, no "." */}}
{{- define "rag.steps" -}}
{{- $left := . | trimPrefix "s3://" | regexFind "^[^?#]*" -}}
{{- range splitList "/" $left -}}
{{- if not (has . (list "" ".")) }}{{ . }}/{{ end -}}
{{- end -}}
{{- end -}}

{{/* Backups that `rag backup` would refuse at night (recovery/backup_owner.py), or that would lie among what runs print. */}}
{{- define "rag.refuseBackups" -}}
{{- $v := .Values -}}
{{- if and $v.recovery.enabled $v.recovery.backupUrl -}}
{{- $logs := $v.objectStore.computeLogs -}}
{{- $live := list (list "objectStore.parquet" $v.objectStore.parquet) (list "objectStore.computeLogs" (printf "s3://%s/%s" $logs.bucket $logs.prefix)) -}}
{{- range $name, $text := $v.collections.files -}}
{{- $sources := get (fromYaml $text) "sources" -}}
{{- if kindIs "slice" $sources -}}
{{- range $sources -}}
{{- if and (kindIs "map" .) (kindIs "string" .url) -}}
{{- $live = append $live (list (printf "the source %v of collections.files.%s" .name $name) .url) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $backup := include "rag.steps" $v.recovery.backupUrl -}}
{{- range $live -}}
{{- $other := include "rag.steps" (last .) -}}
{{- if or (hasPrefix $other $backup) (hasPrefix $backup $other) -}}
{{- fail (printf "recovery.backupUrl (%s) and %s (%s) lie in one another: name a place beside it, better in another bucket." $v.recovery.backupUrl (first .) (last .)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What scales within impossible bounds, or is asked to scale what is not there. */}}
{{- define "rag.refuseScaling" -}}
{{- $v := .Values -}}
{{- with $v.api.horizontal -}}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) -}}
{{- fail (printf "api.horizontal.minReplicas (%v) is more than api.horizontal.maxReplicas (%v)." .minReplicas .maxReplicas) -}}
{{- end -}}
{{- end -}}
{{- if $v.keda.enabled -}}
{{- with $v.keda.answers -}}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) -}}
{{- fail (printf "keda.answers.minReplicas (%v) is more than keda.answers.maxReplicas (%v)." .minReplicas .maxReplicas) -}}
{{- end -}}
{{- end -}}
{{- range $part := list "listener" "launcher" -}}
{{- if and (get (get $v.keda $part) "enabled") (not (get (get $v $part) "enabled")) -}}
{{- fail (printf "keda.%s.enabled scales nothing while %s.enabled is false: say %s.enabled, too." $part $part $part) -}}
{{- end -}}
{{- end -}}
{{- with $v.keda.listener -}}
{{- if and .enabled (not (or .streams .queues)) -}}
{{- fail "keda.listener.enabled needs keda.listener.streams or .queues: what nobody watches would never be read." -}}
{{- end -}}
{{- if and .enabled .streams (not $v.kafka.bootstrapServers) -}}
{{- fail "keda.listener.streams need kafka.bootstrapServers: KEDA asks those brokers for the lag." -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
