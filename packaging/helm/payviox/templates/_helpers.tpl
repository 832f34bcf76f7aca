{{- define "payviox.labels" -}}
app.kubernetes.io/name: payviox
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "payviox.selector" -}}
app.kubernetes.io/name: payviox
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{/* A value of the environment that stands in a Secret; nothing where no key is named. */}}
{{- define "payviox.fromSecret" -}}
{{- if .key }}
- name: {{ .name }}
  valueFrom: {secretKeyRef: {name: {{ .secret | quote }}, key: {{ .key | quote }}}}
{{- end }}
{{- end }}

{{/* The pod's own part of web, worker and migrate: who it is and where it runs. */}}
{{- define "payviox.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
volumes:
  - name: tmp
    emptyDir: {sizeLimit: 1Gi}
  {{- with .root.Values.volumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The container's own part: image, command (its part's name unless args say more), rights and settings.
     Numbers in files of values are floats, which from a million on would be written as 1e+06. */}}
{{- define "payviox.container" -}}
- name: {{ .part }}
  {{- with .root.Values.image }}
  image: "{{ .repository }}:{{ .tag | default $.root.Chart.AppVersion }}{{ with .digest }}@{{ . }}{{ end }}"
  {{- end }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  args: {{ .args | default (list .part) | toJson }}
  securityContext:
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    capabilities: {drop: [ALL]}
  volumeMounts:
    - name: tmp
      mountPath: /tmp
    {{- with .root.Values.volumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  env:
    {{- range $name, $value := .root.Values.settings }}
    - name: {{ $name }}
      value: {{ kindIs "float64" $value | ternary (int64 $value) $value | toString | quote }}
    {{- end }}
    {{- with .root.Values.secrets.application }}
    {{- include "payviox.fromSecret" (dict "name" "PAYVIOX_SECRET_KEY" "secret" .name "key" .secretKey) | nindent 4 }}
    {{- include "payviox.fromSecret" (dict "name" "PAYVIOX_DATABASE_URL" "secret" .name "key" .databaseUrl) | nindent 4 }}
    {{- include "payviox.fromSecret" (dict "name" "PAYVIOX_SMTP_URL" "secret" .name "key" .smtpUrl) | nindent 4 }}
    {{- include "payviox.fromSecret" (dict "name" "PAYVIOX_METRICS_TOKEN" "secret" .name "key" .metricsToken) | nindent 4 }}
    {{- include "payviox.fromSecret" (dict "name" "PAYVIOX_OIDC_CLIENT_SECRET" "secret" .name "key" .oidcClientSecret) | nindent 4 }}
    {{- include "payviox.fromSecret" (dict "name" "PAYVIOX_PREVIOUS_SECRET_KEYS" "secret" .name "key" .previousSecretKeys) | nindent 4 }}
    {{- end }}
    {{- if has .part (list "migrate" "compact") }}
    {{- with .root.Values.secrets.migration }}
    {{- include "payviox.fromSecret" (dict "name" "PAYVIOX_MIGRATION_URL" "secret" .name "key" .databaseUrl) | nindent 4 }}
    {{- end }}
    {{- end }}
  {{- with (index .root.Values .part).resources }}
  resources: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* Pods of one part keep away from each other, unless values say where they run. */}}
{{- define "payviox.affinity" -}}
{{- with .root.Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- else }}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels: {{- include "payviox.selector" . | nindent 14 }}
{{- end }}
{{- end }}
