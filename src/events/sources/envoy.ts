import { timeKind } from '../columns.ts';
import { logFormatSource } from '../log-format.ts';

const finest = { timeKind: timeKind.start, resolutionUs: 1000 };
const answer = '$request_length $body_bytes_sent $tadasu_duration_ms $upstream_ms "$http_x_forwarded_for" "$http_user_agent" "$request_id" "$host" "$upstream"';

/** Envoy’s default format string; the client is the last address of X-Forwarded-For. */
export const envoy = logFormatSource('envoy', { dialect: 'nginx', format: `[$time_iso8601] "$request" $status $response_flags ${answer}` }, finest);

/** The longer one of the service mesh Istio. */
export const envoyMesh = logFormatSource(
  'envoy-mesh',
  {
    dialect: 'nginx',
    format: `[$time_iso8601] "$request" $status $response_flags $response_details $termination_details "$transport_failure" ${answer} $rest`,
  },
  finest,
);
