{{- define "flinkoperator.selector" -}}
app.kubernetes.io/name: flinkoperator
{{- end }}

{{- define "flinkoperator.labels" -}}
{{ include "flinkoperator.selector" . }}
app.kubernetes.io/part-of: flinkk8soperator
{{- with .Values.extraLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "flinkoperator.namespaced" -}}
{{- if eq .Values.rbac.scope "namespaced" }}true{{ end }}
{{- end }}

{{- define "flinkoperator.subjects" -}}
- kind: ServiceAccount
  name: flinkoperator
  namespace: {{ .Release.Namespace }}
{{- end }}

{{- define "flinkoperator.configuration" -}}
{{- toYaml (dict "operator" .Values.operator "logger" .Values.logger) }}
{{- end }}

{{/* What a running operator does not hear. The other keys are live, and need no new pod. */}}
{{- define "flinkoperator.unheard" -}}
{{- $operator := omit .Values.operator "resyncPeriod" "ingressUrlFormat" "useKubectlProxy" "proxyPort" "containerNameFormat" "baseBackoffDuration" "maxBackoffDuration" "maxErrDuration" "flinkJobVertexTimeout" "schedulerName" "savepointTimeout" "statusRefreshPeriod" }}
{{- toJson (dict "operator" $operator "logger" .Values.logger) }}
{{- end }}
