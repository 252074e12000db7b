/** What the fields of Sigma's log sources are in our event columns. Data only; names in lower case. A field may stand for several columns. */
type FieldMap = Readonly<Record<string, readonly string[]>>;

/**
 * W3C names. `cs-uri-query` is the whole request target: half of the public rules put paths there, and a target begins with its path.
 * Requests are looked at as logged and decoded.
 */
const webserver: FieldMap = {
  'cs-method': ['method'],
  'c-method': ['method'],
  method: ['method'],
  request_method: ['method'],
  'cs-uri-query': ['target', 'target_norm'],
  'c-uri-query': ['target', 'target_norm'],
  'c-uri': ['target', 'target_norm'],
  'cs-uri': ['target', 'target_norm'],
  uri: ['target', 'target_norm'],
  url: ['target', 'target_norm'],
  'cs-uri-stem': ['path'],
  'c-uri-stem': ['path'],
  'c-uri-path': ['path'],
  'c-uri-extension': ['path_extension'],
  'sc-status': ['status'],
  status: ['status'],
  'sc-bytes': ['bytes_out'],
  'cs-bytes': ['bytes_in'],
  'c-ip': ['src_ip'],
  src_ip: ['src_ip'],
  'cs-user-agent': ['user_agent'],
  'c-useragent': ['user_agent'],
  'cs-useragent': ['user_agent'],
  useragent: ['user_agent'],
  'cs-referer': ['referer'],
  'cs-referrer': ['referer'],
  'c-referer': ['referer'],
  referer: ['referer'],
  'cs-host': ['host'],
  'r-dns': ['host'],
  's-computername': ['host'],
  'cs-username': ['account'],
  'cs-cookie': ['cookie'],
  'time-taken': ['duration_ms'],
  'cs-version': ['protocol'],
  'cs-content-type': ['content_type'],
};

/** In the proxy taxonomy the two byte counts are the other way round. */
const proxy: FieldMap = { ...webserver, 'cs-bytes': ['bytes_out'], 'sc-bytes': ['bytes_in'] };

const database: FieldMap = {
  user: ['db_user'],
  username: ['db_user'],
  db_user: ['db_user'],
  database: ['db_name'],
  db_name: ['db_name'],
  application: ['app_name'],
  app_name: ['app_name'],
  query: ['sql_text'],
  statement: ['sql_text'],
  sql: ['sql_text'],
  command: ['stmt_kind'],
  error_code: ['err_code'],
  src_ip: ['src_ip'],
  rows: ['rows_out'],
};

const auth: FieldMap = {
  user: ['account'],
  username: ['account'],
  account: ['account'],
  src_ip: ['src_ip'],
  'c-ip': ['src_ip'],
  sourceip: ['src_ip'],
  action: ['action'],
  outcome: ['outcome'],
  method: ['auth_method'],
  host: ['host'],
  hostname: ['host'],
  program: ['app_name'],
  process: ['app_name'],
};

export type EventScope = { readonly classes: readonly number[]; readonly fields: FieldMap };

/** Which events a log source means and how its fields are called there; null: this log source is not in the event table. */
export function eventScope(product: string | null, category: string | null, service: string | null): EventScope | null {
  if (category === 'webserver' || ((service === 'apache' || service === 'nginx' || service === 'iis') && category === null))
    return { classes: [1, 7], fields: webserver };
  if (category === 'proxy') return { classes: [1], fields: proxy };
  if (category === 'database' || product === 'sql' || product === 'postgresql' || product === 'mysql') return { classes: [2], fields: database };
  if (
    category === 'authentication' ||
    (product === 'linux' && (service === 'sshd' || service === 'auth' || service === 'syslog' || service === 'sudo' || service === null) && category === null)
  )
    return { classes: [3, 7], fields: auth };
  if (category === 'application' && product !== null && ['python', 'django', 'ruby_on_rails', 'spring', 'nodejs', 'jvm', 'velocity'].includes(product))
    return { classes: [7], fields: {} };
  return null;
}
