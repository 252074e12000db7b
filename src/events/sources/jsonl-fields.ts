import type { EventColumnName } from '../columns.ts';

/** Where common JSON logs keep what, tried in this order: plain nginx, ECS, Caddy, Cloudflare, Google, AWS WAF, Okta, Azure, journald. */
export const jsonlFields: Readonly<Partial<Record<EventColumnName, readonly string[]>>> = {
  time_us: [
    '@timestamp', 'time_iso8601', 'timestamp', 'eventTime', 'event_time', 'EdgeStartTimestamp', 'time_local', 'time', 'ts', 'msec', 'datetime', 'date', '_time',
    '__REALTIME_TIMESTAMP', 'published', 'createdDateTime', 'CreationTime', 'TimeGenerated', 'Timestamp', 'created_at', 'createdAt', 'EventTime', 'SystemTime', 'start_time', 't',
    'receiveTimestamp', 'event.created', 'id.time', 'p_event_time', 'Datetime', 'logTime', 'EdgeEndTimestamp',
  ],
  src_ip: [
    'remote_addr', 'client_ip', 'clientip', 'clientIp', 'ClientIP', 'request.client_ip', 'request.remote_ip', 'source.ip', 'client.ip', 'client.address', 'src_ip', 'srcip',
    'sourceIPAddress', 'httpRequest.clientIp', 'httpRequest.remoteIp', 'client.ipAddress', 'callerIpAddress', 'ipAddress', 'remote_ip', 'remoteIp', 'remoteAddr', 'remote',
    'ip_address', 'IPAddress', 'ip', 'actor.ip', 'protoPayload.requestMetadata.callerIp', 'c-ip', 'id.orig_h', 'remote_host', 'source_ip', 'actor_ip',
  ],
  src_port: ['remote_port', 'client_port', 'source.port', 'client.port', 'request.remote_port', 'src_port', 'ClientSrcPort', 'id.orig_p'],
  forwarded: ['http_x_forwarded_for', 'x_forwarded_for', 'xff', 'request.headers.X-Forwarded-For', 'http.request.headers.x-forwarded-for'],
  account: [
    'remote_user', 'user.name', 'user.email', 'username', 'userName', 'user_name', 'userPrincipalName', 'properties.userPrincipalName', 'actor.alternateId', 'actor.login', 'actor.email',
    'user_id', 'userId', 'UserId', 'protoPayload.authenticationInfo.principalEmail', 'login', 'account', 'email', 'user', 'actor', '_SYSTEMD_OWNER_UID',
  ],
  session: ['session_id', 'sessionId', 'cookie_sid', 'session.id', 'sid', 'authenticationContext.externalSessionId'],
  user_agent: [
    'http_user_agent', 'user_agent.original', 'user_agent', 'userAgent', 'ClientRequestUserAgent', 'request.headers.User-Agent', 'httpRequest.userAgent', 'agent', 'client.userAgent.rawUserAgent',
    'UserAgent', 'protoPayload.requestMetadata.callerSuppliedUserAgent', 'cs-user-agent',
  ],
  trace_id: ['request_id', 'requestId', 'trace.id', 'trace_id', 'traceId', 'RayID', 'requestID', 'http_x_request_id', 'correlationId', 'uuid'],
  host: ['http_host', 'host.name', 'url.domain', 'ClientRequestHost', 'request.host', 'server_name', 'vhost', 'hostname', '_HOSTNAME', 'host', 'Host'],
  method: ['request_method', 'http.request.method', 'ClientRequestMethod', 'request.method', 'httpRequest.requestMethod', 'httpRequest.httpMethod', 'method', 'http_method', 'verb', 'cs-method'],
  target: [
    'request_uri', 'url.original', 'ClientRequestURI', 'request.uri', 'httpRequest.requestUrl', 'httpRequest.uri', 'requestURI', 'requestUri', 'uri', 'url.full', 'url', 'path', 'url.path', 'ClientRequestPath', 'cs-uri-stem',
  ],
  query: ['args', 'query_string', 'url.query', 'httpRequest.args', 'query'],
  protocol: ['server_protocol', 'ClientRequestProtocol', 'request.proto', 'httpRequest.protocol', 'httpRequest.httpVersion', 'protocol', 'http.version'],
  status: ['status', 'http.response.status_code', 'EdgeResponseStatus', 'httpRequest.status', 'response.status', 'response_code', 'status_code', 'statusCode', 'code', 'res.statusCode', 'resp_status', 'sc-status'],
  bytes_out: ['body_bytes_sent', 'http.response.body.bytes', 'http.response.bytes', 'EdgeResponseBytes', 'httpRequest.responseSize', 'bytes_sent', 'size', 'response_bytes', 'bytes', 'sc-bytes', 'additionalEventData.bytesTransferredOut'],
  bytes_in: ['request_length', 'http.request.bytes', 'http.request.body.bytes', 'ClientRequestBytes', 'httpRequest.requestSize', 'bytes_read', 'bytes_in', 'cs-bytes'],
  referer: ['http_referer', 'http.request.referrer', 'ClientRequestReferer', 'request.headers.Referer', 'httpRequest.referer', 'referer', 'referrer'],
  content_type: ['sent_http_content_type', 'resp_headers.Content-Type', 'http.response.mime_type', 'content_type', 'EdgeResponseContentType'],
  duration_us: ['request_time', 'duration', 'duration_ms', 'event.duration', 'httpRequest.latency', 'latency', 'elapsed', 'responseTime', 'response_time', 'durationMs', 'took'],
  db_user: ['db_user', 'dbuser', 'database_user'],
  db_name: ['dbname', 'db_name', 'database', 'db.instance'],
  sql_text: ['sql', 'sql_text', 'statement', 'db.statement', 'db.query.text'],
  app_name: ['app', 'application', 'service.name', 'logger', 'SYSLOG_IDENTIFIER', 'program', 'process.name', 'service'],
  level: ['level', 'log.level', 'severity', 'levelname', 'lvl', 'PRIORITY', '@fields.lvl'],
  message: ['message', 'msg', 'MESSAGE', 'log', 'event.original', 'short_message', 'displayMessage', '@fields.msg', 'textPayload'],
  action: ['event.action', 'eventName', 'action', 'eventType', 'event_type', 'Operation', 'operationName', 'protoPayload.methodName', 'event', 'type', 'name'],
  auth_method: ['auth_method', 'authMethod', 'authentication_method'],
  err_code: ['errorCode', 'error.code', 'error_code'],
};

/** Micros in one unit of a duration path; paths not named here hold seconds when fractional, else milliseconds. */
export const durationUnits: Readonly<Record<string, number>> = {
  request_time: 1e6, duration: 1e6, duration_ms: 1e3, 'event.duration': 1e-3, durationMs: 1e3, responseTime: 1e3, elapsed: 1e3, took: 1e3,
};

/** Values of `fields.<column>.format` for times and durations. */
export const unitOfFormat: Readonly<Record<string, number>> = {
  s: 1e6, seconds: 1e6, 'epoch-s': 1e6, epoch: 1e6, ms: 1e3, milliseconds: 1e3, 'epoch-ms': 1e3, us: 1, microseconds: 1, 'epoch-us': 1, ns: 1e-3, nanoseconds: 1e-3, 'epoch-ns': 1e-3,
};
