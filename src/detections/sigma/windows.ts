/** Windows: which channel and event id a category or service of Sigma means, and the older names of process events. Data only. */

const sysmon = 'microsoft-windows-sysmon/operational';
const powershell = ['microsoft-windows-powershell/operational', 'powershellcore/operational'];

/** service → channels (lower case). */
export const serviceChannels: Readonly<Record<string, readonly string[]>> = {
  security: ['security'],
  system: ['system'],
  application: ['application'],
  sysmon: [sysmon],
  powershell,
  'powershell-classic': ['windows powershell'],
  windefend: ['microsoft-windows-windows defender/operational'],
  taskscheduler: ['microsoft-windows-taskscheduler/operational'],
  wmi: ['microsoft-windows-wmi-activity/operational'],
  'bits-client': ['microsoft-windows-bits-client/operational'],
  'codeintegrity-operational': ['microsoft-windows-codeintegrity/operational'],
  'firewall-as': ['microsoft-windows-windows firewall with advanced security/firewall'],
  ntlm: ['microsoft-windows-ntlm/operational'],
  applocker: [
    'microsoft-windows-applocker/msi and script',
    'microsoft-windows-applocker/exe and dll',
    'microsoft-windows-applocker/packaged app-deployment',
    'microsoft-windows-applocker/packaged app-execution',
  ],
  'dns-client': ['microsoft-windows-dns client events/operational'],
  'dns-server': ['dns server'],
  'dns-server-analytic': ['microsoft-windows-dns-server/analytical'],
  'msexchange-management': ['msexchange management'],
  'printservice-admin': ['microsoft-windows-printservice/admin'],
  'printservice-operational': ['microsoft-windows-printservice/operational'],
  'smbclient-connectivity': ['microsoft-windows-smbclient/connectivity'],
  'smbclient-security': ['microsoft-windows-smbclient/security'],
  'smbserver-connectivity': ['microsoft-windows-smbserver/connectivity'],
  'security-mitigations': [
    'microsoft-windows-security-mitigations/kernel mode',
    'microsoft-windows-security-mitigations/user mode',
  ],
  'appxdeployment-server': ['microsoft-windows-appxdeploymentserver/operational'],
  'appxpackaging-om': ['microsoft-windows-appxpackaging/operational'],
  'appmodel-runtime': ['microsoft-windows-appmodel-runtime/admin'],
  'iis-configuration': ['microsoft-iis-configuration/operational'],
  'driver-framework': ['microsoft-windows-driverframeworks-usermode/operational'],
  'lsa-server': ['microsoft-windows-lsa/operational'],
  'terminalservices-localsessionmanager': ['microsoft-windows-terminalservices-localsessionmanager/operational'],
  openssh: ['openssh/operational'],
  capi2: ['microsoft-windows-capi2/operational'],
  ldap: ['microsoft-windows-ldap-client/debug'],
  ldap_debug: ['microsoft-windows-ldap-client/debug'],
  'shell-core': ['microsoft-windows-shell-core/operational'],
  vhdmp: ['microsoft-windows-vhdmp/operational'],
  'diagnosis-scripted': ['microsoft-windows-diagnosis-scripted/operational'],
  'certificateservicesclient-lifecycle-system': ['microsoft-windows-certificateservicesclient-lifecycle-system/operational'],
  'hyper-v-worker': ['microsoft-windows-hyper-v-worker'],
  'kernel-event-tracing': ['microsoft-windows-kernel-eventtracing'],
  'kernel-shimengine': ['microsoft-windows-kernel-shimengine/operational'],
};

/** category → [channel, event ids]; null ids mean every event of the channel. */
export const categoryEvents: Readonly<Record<string, readonly (readonly [string, readonly number[] | null])[]>> = {
  process_creation: [
    [sysmon, [1]],
    ['security', [4688]],
  ],
  file_change: [[sysmon, [2]]],
  network_connection: [
    [sysmon, [3]],
    ['security', [5156]],
  ],
  sysmon_status: [[sysmon, [4, 16]]],
  process_termination: [[sysmon, [5]]],
  driver_load: [[sysmon, [6]]],
  image_load: [[sysmon, [7]]],
  create_remote_thread: [[sysmon, [8]]],
  raw_access_thread: [[sysmon, [9]]],
  process_access: [[sysmon, [10]]],
  file_event: [[sysmon, [11]]],
  registry_add: [[sysmon, [12]]],
  registry_delete: [[sysmon, [12]]],
  registry_set: [
    [sysmon, [13]],
    ['security', [4657]],
  ],
  registry_rename: [[sysmon, [14]]],
  registry_event: [
    [sysmon, [12, 13, 14]],
    ['security', [4657]],
  ],
  create_stream_hash: [[sysmon, [15]]],
  pipe_created: [[sysmon, [17, 18]]],
  wmi_event: [[sysmon, [19, 20, 21]]],
  dns_query: [
    [sysmon, [22]],
    ['microsoft-windows-dns client events/operational', [3008]],
  ],
  file_delete: [[sysmon, [23, 26]]],
  clipboard_change: [[sysmon, [24]]],
  process_tampering: [[sysmon, [25]]],
  file_block_executable: [[sysmon, [27]]],
  file_block_shredding: [[sysmon, [28]]],
  file_executable_detected: [[sysmon, [29]]],
  sysmon_error: [[sysmon, [255]]],
  ps_module: [
    [powershell[0]!, [4103]],
    [powershell[1]!, [4103]],
  ],
  ps_script: [
    [powershell[0]!, [4104]],
    [powershell[1]!, [4104]],
  ],
  ps_classic_start: [['windows powershell', [400]]],
  ps_classic_provider_start: [['windows powershell', [600]]],
  ps_classic_script: [['windows powershell', [800]]],
  antivirus: [['microsoft-windows-windows defender/operational', null]],
  file_access: [['microsoft-windows-kernel-file/analytic', null]],
  file_rename: [['microsoft-windows-kernel-file/analytic', null]],
};

/** `<channel>/<event id>` → new name ← the names this event has. Added only where the new name is absent. */
export const eventAliases: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'security/4688': {
    image: ['newprocessname'],
    commandline: ['processcommandline', 'commandline'],
    parentimage: ['parentprocessname'],
    user: ['subjectusername'],
    processid: ['newprocessid'],
    integritylevel: ['mandatorylabel'],
    logonid: ['subjectlogonid'],
  },
  'security/4657': { targetobject: ['objectname'], details: ['newvalue'], image: ['processname'], user: ['subjectusername'] },
  'security/5156': {
    image: ['application'],
    destinationip: ['destaddress'],
    destinationport: ['destport'],
    sourceip: ['sourceaddress'],
  },
};
