import { signatureSet } from './signature.ts';

const words =
  'cat|ls|id|uname|whoami|wget|curl|nc|ncat|netcat|bash|sh|zsh|ksh|csh|ping|ping6|sleep|netstat|ifconfig|ipconfig|dir|type|net|powershell|pwsh|cmd|python[23]?|perl|php|ruby|node|telnet|nslookup|dig|host|echo|printf|rm|cp|mv|chmod|chown|touch|mkdir|find|grep|head|tail|more|less|tac|nl|od|xxd|base64|awk|sed|ps|kill|env|set|printenv|hostname|systeminfo|tasklist|certutil|bitsadmin|ftp|tftp|scp|ssh|nmap|sudo|su|useradd|passwd|crontab|service|systemctl|reboot|shutdown|w|who|last|df|mount|gcc|tar|unzip|git|phpinfo|ver|true|false';

/** Commands that mean nothing else: enough by themselves after a word that runs others. */
const plainCommands =
  'curl|wget|whoami|ifconfig|ipconfig|(?:ba|z|k|c|da)?sh|nc|ncat|netcat|nmap|python[\\d.]*|perl|php|ruby|ping6?|uname|chmod|printenv|bsdtar|cat\\s+[/.]|ls\\s+[-/]';

/** A command with something inside that a shell drops: empty quotes, expansions of nothing. The plain spelling is not meant. */
function disguised(word: string): string {
  const drop = '(?:[\'"\\\\^]|``|\\$\\(\\)|[<>]\\(\\)|\\$[@*!?_-]|\\$\\{\\w*\\})*';
  return `(?!${word})${[...word].join(drop)}`;
}
const disguisedWords = [
  'whoami',
  'wget',
  'curl',
  'ping',
  'ifconfig',
  'ipconfig',
  'uname',
  'python',
  'bash',
  'netcat',
  'nmap',
  'passwd',
  'shadow',
  'powershell',
  'env',
  'cscli',
]
  .map(disguised)
  .join('|');

export const commands = signatureSet(
  'command-injection',
  /[;|&`$\n<>(*?[%{'"\\]|-(?:expression|webrequest|command|item|process|object)|\/bin\/|cmd|powershell|<!--|ping|^'|\bif\s|\balias\s|sh\b|\b(?:time|nohup|strace|sudo|busybox|xargs|env)\b|\/etc\/|\/proc\/|^(?:id|cat|ls|dir|uname|whoami)\b/,
  [
    [
      'separator-command',
      5,
      new RegExp(`(?:[;|&\\n\`]|\\|\\||&&|\\$\\(|\\{)[\\s+'"\\\\(]*(?:/?(?:usr/)?(?:local/)?s?bin/)?(?:${words})(?:\\.exe)?(?:[\\s;|&<>\`'")/+]|$)`),
    ],
    ['substitution', 5, new RegExp(`\\$\\(\\s*[a-z/][^)]{0,200}\\)|\`\\s*(?:/|(?:${words})\\b|[a-z][^\`]{0,200}[;|<>/$-])[^\`]{0,200}\``)],
    ['binary-path', 5, /(?:^|[\s;|&`'"(=/])(?:\/?usr)?\/(?:local\/)?s?bin\/[a-z]/],
    ['windows-shell', 5, /\bcmd(?:\.exe)?\s*[/+]+\s*[ck]\b|\bpowershell(?:\.exe)?\b.{0,40}(?:-e|-c|-nop|iex|invoke|download)|%comspec%/],
    [
      'powershell-command',
      5,
      /\b(?:invoke|start|new|add|set|get|remove|stop|import|convertto|convertfrom|out|write|enable|disable)-(?:expression|webrequest|restmethod|command|item|itemproperty|process|object|wmimethod|wmiobject|ciminstance|service|content|childitem|module|scheduledtask|adcomputer|aduser|mppreference|string|file|securestring|bitstransfer|pssession)\b|(?:^|[;|&(`{])\s*(?:iwr|iex|iwmi|icm|gwmi|saps|spps|irm)\s/,
    ],
    ['globbed-path', 5, /\/(?:etc|bin|usr|dev|proc|tmp|opt|var)\/[^\s]{0,20}[[?*][^\s]{0,20}/],
    ['process-substitution', 5, /[<>]\(\s*[a-z]{2,}/],
    [
      'batch-loop',
      5,
      /\bfor\s+(?:\/[dlrf]\s+.{0,60}?)?%%?\S\w*\s+in\s*\(.{0,200}?\)\s*do\b|\bif\s+(?:\/i\s+)?(?:not\s+)?(?:exist|defined|errorlevel|cmdextversion)\b/,
    ],
    [
      'batch-comparison',
      5,
      /(?:^|[&|;\n(])\s*if(?:\/i|\s+\/i)?\s+(?:not\s+)?(?:["'[({%!][^=\n]{0,40}|\w[^\s=]{0,40})\s*(?:===?|\b(?:equ|neq|lss|leq|gtr|geq)\b)|(?:^|[&|;\n(])\s*if\s+\/i\s+(?:not\s+)?(?:exist|defined)\b/,
    ],
    [
      'run-by-another',
      5,
      new RegExp(
        `(?:^|[;|&\\n\`(])[\\s'"]*(?:ti(?:''|"")?me|nohup|strace|ltrace|perf|sudo|busybox|xargs|nice|timeout|setsid|env)['"]*\\s+(?:-\\S+\\s+|\\w+=\\S*\\s+)*['"]*(?:${plainCommands})(?:[\\s'";|&]|$)`,
      ),
    ],
    ['shell-with-code', 5, /(?:^|[\s;|&`'"(/=])(?:(?:ba|z|k|c|da|a|t?c)?sh|busybox|\$\{?shell\}?)\s+-c\s|\bpython[\d.]*\s+-c\s*['"]/],
    ['disguised-command', 5, new RegExp(`(?:^|[\\s;|&(\`'"/=])(?:${disguisedWords})(?=['"]*(?:[\\s;|&<>)/+]|$))`)],
    ['dropped-expansion', 5, /\/[a-z]{1,6}\$[@*!?_$-][a-z]{1,6}\/|\b[a-z]{1,6}\$[@*!?-][a-z]{1,8}(?:[\s+]|\/)|;\s*\$\w{1,3}\s+(?:cat|ls|id|wget|curl|sh)\b/],
    ['brace-list', 5, /\{,\s*(?:["'$/][^{}\n]{0,60}|[a-z]{2,12}(?:,[^{}\n]{0,60})?)\}|\{[a-z]{2,12},\}|\{[a-z],,?-[a-z]{1,3}\}/],
    ['question-path', 5, /(?:^|[\s;|&=,{])\/(?:\w?\?{2,}|\?\w\?|\w\?\w?\?)[\w?]{0,4}\/[\w?]{0,8}\?[\w?]*/],
    ['alias', 5, /(?:^|[;&|\n])\s*alias\s+(?:[-+]\w\s*\+?\s*)?\w+=/],
    ['system-file', 5, /(?:^|[\s='"<])\/(?:etc\/(?:passwd|shadow|sudoers)|proc\/self\/(?:environ|cmdline|fd))\b/],
    ['header-command', 5, /^\s*;\s*(?:chmod|env|set|cp|mv|nc|sh|bash|python|perl)\b/],
    ['tool-escape', 5, /(?:^|[;\n])\s*\.(?:shell|system|databases|sh)\b/],
    [
      'windows-tool',
      5,
      /(?:^|[;|&\n])\s*(?:mshta|regedit|regsvr32|rundll32|wmic|cscript|wscript|schtasks|bcdedit|vssadmin|msiexec|installutil)(?:\.exe)?\s+[/"'\w]/,
    ],
    ['shell-expansion', 5, /\$\{[#!]?\w+(?:[#%:/^,@]|\[)[^}]{0,60}\}|\$\{#\w*\}/],
    ['shell-arithmetic', 5, /\$\[[^\]]{1,40}\]|\$\(\([^)]{1,40}\)\)|\$'(?:\\\w|[^'])/],
    [
      'shell-function',
      5,
      /\b(?:system|exec|passthru|shell_exec|popen|proc_open|pcntl_exec|child_process|runtime\.getruntime|processbuilder|os\.system|subprocess)\b\s*(?:\(|\.)/,
    ],
    ['server-side-include', 5, /<!--\s*#\s*(?:exec|include|echo|config|printenv)/],
    ['shellshock', 5, /\(\s*\)\s*\{\s*(?::|_|\S*;)/],
    ['shell-variable', 5, /\$\{?ifs\b|\$\{?(?:path|home|shell|hostname)(?::|\})/],
    ['bare-command', 5, /^\s*(?:cat\s+\/|id;?$|ls\s+-|uname\s+-a|whoami$|wget\s+http|curl\s+http)/],
    ['fetch-and-run', 5, /\b(?:wget|curl|lwp-download|fetch)\b\s+(?:-\S+\s+)*https?:\/\//],
    ['redirect', 3, />\s*\/(?:tmp|dev|var)\//],
    ['ping-count', 5, /^\W*ping(?:\.exe)?\s+-\w\s+\d+\s+[\d.]+/],
    ['quoted-word', 5, /^'(?:true|false|id|whoami)'$|^`(?:true|id)`$/],
    ['dir-drive', 5, /\bdir[\s+]+[a-z]:[/\\]?/],
  ],
);
