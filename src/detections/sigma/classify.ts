import type { Fields } from './documents.ts';
import { categoryEvents, eventAliases, serviceChannels } from './windows.ts';

export type Scope = {
  readonly product: string | null;
  readonly categories: readonly string[];
  readonly services: readonly string[];
};

/**
 * Which log source a document is, by the fields it carries. Windows documents get short field names on the way
 * (`Event.EventData.CommandLine` → `CommandLine`). Product null: cannot be told.
 */
export function classify(fields: Fields): Scope {
  shortenWindows(fields);
  const channel = one(fields, 'channel')?.toLowerCase();
  if (channel !== undefined && fields.has('eventid')) return windows(fields, channel, Number(one(fields, 'eventid')));
  for (const [product, services, test] of products)
    if (test(fields))
      return {
        product,
        categories: product === 'proxy' ? ['proxy'] : [],
        services: typeof services === 'function' ? services(fields) : services,
      };
  return { product: null, categories: [], services: [] };
}

function windows(fields: Fields, channel: string, id: number): Scope {
  for (const [name, from] of Object.entries(eventAliases[`${channel}/${id}`] ?? {})) {
    const value = from.map(f => fields.get(f)).find(v => v !== undefined);
    if (value !== undefined && !fields.has(name)) fields.set(name, value);
  }
  const categories = Object.entries(categoryEvents)
    .filter(([, events]) => events.some(([c, ids]) => c === channel && (ids === null || ids.includes(id))))
    .map(([name]) => name);
  const services = Object.entries(serviceChannels)
    .filter(([, channels]) => channels.includes(channel))
    .map(([name]) => name);
  return { product: 'windows', categories: categories.filter(c => registryKind(fields, c, id)), services };
}

/** Event 12 is both making and deleting of a key; its own type field says which. */
function registryKind(fields: Fields, category: string, id: number): boolean {
  if (id !== 12) return true;
  const type = one(fields, 'eventtype')?.toLowerCase() ?? '';
  return category === 'registry_add' ? !type.startsWith('delete') : category === 'registry_delete' ? type === '' || type.startsWith('delete') : true;
}

const prefixes = /^(?:event\.)?(?:system|eventdata|userdata(?:\.[^.]+)?)\.|^winlog\.(?:event_data\.|)/;

function shortenWindows(fields: Fields): void {
  if (!fields.has('event.system.channel') && !fields.has('system.channel') && !fields.has('winlog.channel')) {
    if (fields.has('channel')) stripBlanks(fields);
    return;
  }
  for (const [name, value] of [...fields]) {
    const bare = name.replace(/\.?#attributes\./g, '.').replace(/\.#text$/, '');
    const short =
      bare === 'event.system.provider.name' || bare === 'system.provider.name'
        ? 'provider_name'
        : bare === 'winlog.event_id'
          ? 'eventid'
          : bare.replace(prefixes, '').replace(/^execution\.|^security\.(?=userid$)/, '');
    const key = short.replaceAll(' ', '');
    if (!fields.has(key)) fields.set(key, value);
  }
}

/** Names of event data may hold blanks; rules write them without. */
function stripBlanks(fields: Fields): void {
  for (const [name, value] of [...fields]) if (name.includes(' ') && !fields.has(name.replaceAll(' ', ''))) fields.set(name.replaceAll(' ', ''), value);
}

function one(fields: Fields, name: string): string | undefined {
  const value = fields.get(name);
  return Array.isArray(value) ? value[0] : value;
}

type Product = readonly [string, readonly string[] | ((f: Fields) => string[]), (f: Fields) => boolean];

/** First that fits. */
const products: readonly Product[] = [
  ['aws', ['cloudtrail'], f => f.has('eventsource') && f.has('eventname') && (f.has('awsregion') || (one(f, 'eventsource') ?? '').endsWith('.amazonaws.com'))],
  ['okta', ['okta'], f => f.has('eventtype') && (f.has('actor.alternateid') || f.has('actor.id')) && (f.has('outcome.result') || f.has('published'))],
  ['kubernetes', ['audit'], f => (one(f, 'apiversion') ?? '').startsWith('audit.k8s.io') || (f.has('objectref.resource') && f.has('verb'))],
  [
    'gcp',
    f => ((one(f, 'protopayload.servicename') ?? '').includes('login') ? ['google_workspace.login', 'gcp.audit'] : ['gcp.audit', 'google_workspace.admin']),
    f => f.has('protopayload.methodname') || f.has('gcp.audit.method_name') || f.has('protopayload.servicename'),
  ],
  ['m365', ['audit', 'threat_management', 'threat_detection', 'exchange'], f => f.has('workload') || (f.has('recordtype') && f.has('organizationid'))],
  [
    'azure',
    ['auditlogs', 'activitylogs', 'signinlogs', 'riskdetection', 'pim', 'azureactivity'],
    f => f.has('operationname') || f.has('conditionalaccessstatus') || f.has('riskeventtype') || f.has('resourceproviderx'),
  ],
  ['github', ['audit'], f => f.has('action') && f.has('actor') && (f.has('org') || f.has('repo') || f.has('business'))],
  ['opencanary', ['application'], f => f.has('logtype') && f.has('logdata')],
  [
    'zeek',
    f =>
      f.has('method')
        ? ['http']
        : f.has('query')
          ? ['dns']
          : f.has('endpoint')
            ? ['dce_rpc']
            : f.has('ja3')
              ? ['ssl']
              : ['smb_files', 'x509', 'rdp', 'kerberos', 'conn'],
    f => f.has('uid') && f.has('id.orig_h'),
  ],
  ['onelogin', ['onelogin.events'], f => f.has('event_type_id') && f.has('account_id')],
  ['bitbucket', ['audit'], f => f.has('auditType.action'.toLowerCase())],
  ['proxy', [], f => f.has('c-uri') && f.has('cs-method')],
];
