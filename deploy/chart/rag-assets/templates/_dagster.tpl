{{/* dagster.yaml: what rag_assets.kubernetes_instance.instance_on_kubernetes returns, with what the values add to the
     pods of runs (docs/kubernetes-runs.md); a test compares the two. */}}
{{- define "rag.dagsterYaml" -}}
{{- $v := .Values -}}
{{- $runs := $v.dagster.runs -}}
{{- $labels := dict "root" . "component" "run" -}}
{{- $part := (dict "secrets" (list "objectStore" "vectors") "environment" (fromYamlArray (include "rag.threads" .)) "values" $runs) -}}
{{- $env := include "rag.env" (dict "root" . "part" $part) -}}
{{- include "rag.eachVariableOnce" (dict "env" $env "where" "dagster.runs.environment") -}}
storage:
  postgres:
    postgres_url: {env: DAGSTER_POSTGRES_URL}
run_coordinator:
  module: rag_assets.fresh_first
  class: FreshFirstCoordinator
  config: {dequeue_interval_seconds: 1, dequeue_use_threads: true}
concurrency:
  runs: {max_concurrent_runs: {{ $runs.maxConcurrent }}}
run_launcher:
  module: rag_assets.kubernetes_launcher
  class: RunPodLauncher
  config:
    job_image: {{ include "rag.image" (dict "root" . "image" $v.images.ingestion) | quote }}
    image_pull_policy: {{ $v.images.ingestion.pullPolicy }}
    {{- with $v.images.pullSecrets }}
    image_pull_secrets:
      {{- range . }}
      - name: {{ . }}
      {{- end }}
    {{- end }}
    job_namespace: {{ .Release.Namespace }}
    service_account_name: {{ include "rag.serviceAccount" (dict "root" . "account" "runs") }}
    instance_config_map: {{ include "rag.fullname" . }}-dagster
    dagster_home: /var/lib/rag/dagster
    env_config_maps: [{{ include "rag.fullname" . }}-settings]
    env_secrets: []
    env_vars: [RAG_HOME=/var/lib/rag, RAG_COLLECTIONS=/etc/rag/collections]
    volumes:
      - name: work
        emptyDir: {sizeLimit: {{ $runs.scratchSize }}}
      - name: collections
        configMap: {name: {{ include "rag.collectionsConfigMap" . }}}
      {{- include "rag.authorityVolumes" . | indent 6 }}
    volume_mounts:
      - {name: work, mountPath: /var/lib/rag, subPath: home}
      - {name: work, mountPath: /tmp, subPath: tmp}
      - {name: collections, mountPath: /etc/rag/collections, readOnly: true}
      {{- include "rag.authorityMounts" . | indent 6 }}
    resources:
      {{- toYaml $runs.resources | nindent 6 }}
    security_context:
      {{- include "rag.containerSecurity" . | nindent 6 }}
    labels:
      {{- include "rag.selector" $labels | nindent 6 }}
      app.kubernetes.io/part-of: rag-assets
      {{- with $v.podDefaults.labels }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    fail_pod_on_run_failure: true
    run_k8s_config:
      container_config:
        env:
          {{- $env | nindent 10 }}
      pod_template_spec_metadata:
        annotations:
          # A run that is moved is a run that is lost: nodes are not emptied for economy while one is at work.
          cluster-autoscaler.kubernetes.io/safe-to-evict: "false"
          karpenter.sh/do-not-disrupt: "true"
          {{- with $v.podDefaults.annotations }}
          {{- toYaml . | nindent 10 }}
          {{- end }}
      pod_spec_config:
        automountServiceAccountToken: false
        enableServiceLinks: false
        terminationGracePeriodSeconds: 60
        {{- with $v.podDefaults.priorityClassName }}
        priorityClassName: {{ . }}
        {{- end }}
        securityContext:
          {{- include "rag.podSecurity" . | nindent 10 }}
        {{- with $runs.nodeSelector }}
        nodeSelector:
          {{- toYaml . | nindent 10 }}
        {{- end }}
        tolerations:
          {{- range list "not-ready" "unreachable" }}
          - {key: node.kubernetes.io/{{ . }}, operator: Exists, effect: NoExecute, tolerationSeconds: 60}
          {{- end }}
          {{- with $runs.tolerations }}
          {{- toYaml . | nindent 10 }}
          {{- end }}
      job_spec_config:
        backoffLimit: 0
        ttlSecondsAfterFinished: {{ $runs.ttlSecondsAfterFinished }}
run_retries: {enabled: true, max_retries: 1, retry_on_asset_or_op_failure: false}
run_monitoring:
  enabled: true
  start_timeout_seconds: {{ $runs.startTimeoutS }}
  cancel_timeout_seconds: 120
  max_resume_run_attempts: 0
  poll_interval_seconds: 10
compute_logs:
  module: dagster_aws.s3.compute_log_manager
  class: S3ComputeLogManager
  config:
    bucket: {{ $v.objectStore.computeLogs.bucket }}
    prefix: {{ $v.objectStore.computeLogs.prefix }}
    local_dir: /tmp/compute-logs
    skip_empty_files: true
    upload_interval: 30
sensors: {use_threads: true, num_workers: 16}
retention:
  sensor:
    purge_after_days: {skipped: 1, started: 1, success: 7, failure: 30}
  schedule:
    purge_after_days: {skipped: 7, started: 7, success: 30, failure: 30}
telemetry: {enabled: false}
nux: {enabled: false}
{{- end -}}
