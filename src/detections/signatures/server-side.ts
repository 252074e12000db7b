import { signatureSet } from './signature.ts';

export const ssrf = signatureSet('ssrf', /:\/\/|:\\\\|^\/\/|https?:|jar:|localhost|\.internal|loopback|kubernetes\.default|localtest\.me|lvh\.me/, [
  [
    'metadata-service',
    5,
    /169\.254\.169\.254|metadata\.google\.internal|100\.100\.100\.200|metadata\.packet\.net|192\.0\.0\.192|fd00:ec2::254|\[::ffff:169\.254/,
  ],
  [
    'loopback-url',
    5,
    /(?:https?|ftp|wss?):\/\/(?:[^/@\s]*@)?(?:localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|0x7f|2130706433|017700000001|\[::1?\]|\[::ffff:7f|127\.1\b)/,
  ],
  [
    'coded-address',
    5,
    /:\/{0,2}(?:[^/@\s]*@)?(?:0x[0-9a-f]{2,}(?:\.[0-9a-fx.]+)?|\d{8,10}|0\d{2,}\.[\d.]+|\d{1,3}\.\d{5,8}|\d{1,3}\.\d{1,3}\.\d{3,6})(?:[:/?#]|$)/,
  ],
  ['address-literal', 5, /:\/{0,2}\[[0-9a-f:.]*:[0-9a-f:.]*(?:%\w+)?\](?:[:/?#]|$)/],
  ['circled-address', 5, /:\/\/[^/]*(?:[\u2460-\u24ff]|\d\u3002\d)/],
  [
    'local-name',
    5,
    /^(?:https?:\/{0,2})?(?:localhost\d?(?:\.localdomain\d?)?|ip6-loopback|ip(?:v)?6-localhost|(?:host|gateway|kubernetes)\.docker\.internal|host\.containers\.internal|kubernetes\.default(?:\.svc[\w.]*)?|localtest\.me|lvh\.me)[:/]/,
  ],
  ['escaped-host', 5, /:\/\/(?:\\{1,2}\w){4,}/],
  ['private-url', 4, /(?:https?|ftp):\/\/(?:[^/@\s]*@)?(?:10\.\d+\.\d+\.\d+|192\.168\.\d+\.\d+|172\.(?:1[6-9]|2\d|3[01])\.\d+\.\d+)/],
  [
    'odd-scheme',
    5,
    /\b(?:gopher|dict|netdoc|jar|tftp|ldaps?|sftp|expect|phar|zip|glob|ogg|rar|compress\.(?:zlib|bzip2)|php|data|local_file|acap|imaps?|ircs?|pop3s?|rtmp|ssh|ssh2(?:\.\w+)?|smb|finger):\/\/|\bjar:(?:https?|file|ftp):/,
  ],
  // What stands before the last @ is a name and a password: somebody who writes a slash or another @ there wants it read as the host.
  ['host-in-password', 5, /:\/\/[^/?#@\s]*%2f[^/?#\s]*@|:\/\/[^/?#@\s]*@[^/?#@\s]*@/],
  ['transfer-url', 5, /^ftps?:\/\/[^/\s]/],
  [
    'script-at-address',
    5,
    /^(?:https?|ftps?):\/\/(?:\d{1,3}(?:\.\d{1,3}){3}|\[?[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){3,7}\]?)(?::\d+)?\/[^?#\s]*\.(?:php\d?|phtml|phar|jspx?|aspx?|ashx|cgi|pl|py|sh|ps1|bat|exe|dll|elf|txt)(?:[?#]|$)/,
  ],
  // The variable from which an application builds the paths of its own files, set to another server.
  [
    'include-variable',
    5,
    /^(?:_?conf(?:ig)?|globals|_(?:server|session|env|request|get|post))\[[\w'"\][]{1,60}\]=(?:https?|ftps?):\/\/|^\w{0,40}(?:abs(?:olute)?_?path|include_?(?:path|dir|file)|root_?(?:path|dir)|base_?(?:path|dir)|inc_?(?:path|dir)|lib_?(?:path|dir)|document_?root|path_to_\w{1,20}|dir_?inc|phpbb_root_path)(?:\[\w*\])?=(?:https?|ftps?):\/\//,
  ],
  ['remote-include', 5, /^(?:https?|ftp):\/\/[^\s]+\.(?:txt|php\d?|inc|dat|gif|jpe?g|png|sh)\?+$/],
]);

export const template = signatureSet('template', /[{<#@$*]/, [
  ['jndi', 5, /\$\{\s*(?:jndi|\$\{|lower|upper|env|sys|java|::-|main|date:|ctx:)/],
  ['arithmetic', 5, /(?:\{\{|\$\{|#\{|<%=|\[\[|@\(|\{%|\*\{|~\{)\s*['"(]?\d+['")]?\s*[-*+/]\s*['"]?\d+/],
  ['object-walk', 5, /__(?:class|mro|subclasses|globals|builtins|import|init)__|\.(?:getclass|forname|getruntime)\s*\(/],
  ['moustache-code', 5, /\{\{[^}]{0,200}?(?:\(|\[|\||\.\w+\.)[^}]{0,200}\}\}|\{%[^%]{0,200}%\}/],
  [
    'expression-language',
    5,
    /\bt\s*\(\s*java\.|#(?:_memberaccess|context|request|application|rt)\b|%\{\s*\(?\s*#|\$\{\s*(?:t\(|#|request|session|application|pagecontext|param|applicationscope|class\.)|@java\.lang|freemarker\.template|new\s+java\./,
  ],
  ['perl-block', 5, /@\{\s*\[/],
  ['embedded-block', 5, /<%[=-]?[^%]{0,200}(?:\(|\b(?:if|for|while|do|end|puts|import|system|eval)\b)[^%]{0,200}%>/],
  ['erb', 5, /<%=?\s*(?:`|system|file|dir|io\.|eval|require|\d)/],
]);

export const deserialisation = signatureSet('deserialisation', /ro0|aced|o:\d|a:\d|aaeaaad|!!|@type|__|\$type|yso|c:\d|entity|<!doctype/, [
  ['java-object', 5, /\bro0ab[a-z0-9+/]|aced0005/],
  ['dotnet-object', 5, /aaeaaad\/{4}|\/wey[a-z0-9+/]{20}/],
  ['php-object', 5, /(?:^|[;{=])[oc]:\+?\d+:"[\w\\]+":\d+:\{/],
  ['php-array', 3, /^a:\d+:\{[sibdaon]:/],
  ['yaml-object', 5, /!!(?:javax|java|python\/object|ruby\/object|com\.sun)/],
  ['type-hint', 5, /["']?(?:@type|\$type|__type|@class)["']?\s*:\s*["'](?:com|java|javax|org|system|sun)\./],
  ['external-entity', 5, /!entity\s+%?\s*\w+\s+(?:system|public)|<!entity\s|<!doctype[^>]{1,200}\[/],
]);

export const nosql = signatureSet('nosql', /\$|\*\)/, [
  ['operator-key', 5, /\[\s*\$(?:ne|gt|gte|lt|lte|in|nin|regex|exists|where|or|and|not)\s*\]|["']\$(?:ne|gt|gte|lt|lte|in|nin|regex|exists|where|or)["']\s*:/],
  ['where-code', 5, /\$where\b|\bthis\.\w+\s*(?:==|!=|\.match\()/],
  ['ldap-filter', 5, /\*\)\s*\(\s*[|&!]?\s*\(?\w+\s*=|\)\s*\(\s*[|&]\s*\(/],
]);

export const codeInjection = signatureSet('code-injection', /[<({:[\\=$]|['"]\s*\.|process\.|php|class\.|proto|__js|constructor|module\.|child_/, [
  ['php-tag', 5, /<\?\s*(?:php|=)|<\?\s*(?:eval|system|echo|phpinfo)|[{[][\\/]?php[}\]]/],
  [
    'node-object',
    5,
    /_\$\$nd_func\$\$_|__js_function|\bnew\s+function\s*\(|constructor\.constructor|\bmodule\.exports\b|\bchild_process\b|\bconsole\.(?:log|info|warn|error|debug|trace)\s*\(/,
  ],
  ['php-variable-call', 5, /\$\{?_?[a-z]\w*(?:\[[^\]]{1,40}\])?\}?\s*\(\s*\$|\(\s*['"](?:system|exec|passthru|phpinfo|shell_exec|eval)['"]\s*\)\s*\(/],
  ['php-stream', 5, /\bphp:\/\/(?:input|filter|stdin|memory|temp|fd)|\bdata:\/\/text\/plain|\bdata:text\/plain;base64|\bexpect:\/\//],
  [
    'php-option',
    5,
    /\b(?:allow_url_include|auto_prepend_file|auto_append_file|disable_functions|safe_mode|open_basedir|extension_dir|memory_limit|error_log|sendmail_path)\s*=|-d\s*allow_url/,
  ],
  [
    'php-call',
    5,
    /\b(?:phpinfo|base64_decode|gzinflate|str_rot13|file_get_contents|file_put_contents|fopen|readfile|create_function|preg_replace|call_user_func(?:_array)?|array_map|assert|move_uploaded_file|fsockopen|curl_exec|md5|print_r|var_dump|ini_set)\s*\(\s*['"$\w)]/,
  ],
  ['framework-call', 5, /invokefunction|\\think\\|\/think\\app|class\.module\.classloader|class\.classloader|suppress_errors/],
  ['prototype', 5, /__proto__|constructor\s*(?:\[|\.)\s*['"]?prototype/],
  [
    'php-library-call',
    5,
    /\b(?:array|str|file|preg|mb|posix|pcntl|openssl|ldap|mysqli?|pg|curl|ob|gz|bz|proc|stream|socket|shm|sem|ftp|imap|iconv|ctype|sodium_(?:crypto|bin2|hex2|mem)|tidy|simplexml|call_user|register_shutdown|move_uploaded|escapeshell|php|ini|apache|base64|str_rot|session|forward_static|assert|strip|date)_[a-z0-9_]{2,40}\s*\(|\bis_(?:array|callable|file|dir|writable)\s*\(|\b(?:gz|bz)(?:decode|inflate|deflate|encode|uncompress|compress|open|decompress)\s*(?:\/\*.{0,40}?\*\/\s*)?\(|\bp?fsockopen\s*\(/,
  ],
  ['call-after-comment', 5, /\b[a-z_]\w{1,40}\s*(?:(?:\/\*[^*]{0,80}\*\/|(?:\/\/|#)[^\n]{0,80}\n)\s*)+\(/],
  ['nested-evaluation', 5, /\b(?:eval|exec|system|assert|passthru|unserialize|create_function)\s*\(\s*(?:['"]\s*)?\w+\s*\(/],
  ['wrapped-function', 5, /["'[(]\s*(?:\/\*.{0,40}?\*\/\s*)?(?:system|exec|passthru|shell_exec|popen|assert|phpinfo)\s*["'\])]+\s*(?:[[{]\s*\d\s*[\]}]\s*)*\(/],
  ['assembled-name', 5, /["']\w{1,12}["']\s*\.\s*["']\w{1,12}["']\s*(?:\)|\.|;|\])|\(\w{1,10}\.\(\w{1,10}\)\.?\w{0,10}\)\s*\(|\(\s*string\s*\)\s*["'{[]/],
  [
    'variable-call',
    5,
    /@?\$+(?:\{\s*['"@$]?[a-z_][\w.>:-]*['"]?\s*\}|_+\b(?!\w)|[a-z_]\w*)(?:\s*[[{][^\]}]{0,40}[\]}])*\s*(?:\/\*.{0,40}?\*\/\s*|\/\/[^\n]{0,40}\n\s*)?\([^)]{0,80}\)/,
  ],
  ['endless-loop', 5, /\bwhile\s*\(\s*(?:\(+\s*)?(?:!|[+-]?(?:infinity|\d)|true\b|this\b|string\b|new\s)/],
  ['superglobal', 5, /\$_(?:get|post|request|server|cookie|files|session|env)\b|\bglobals\s*\[/],
  [
    'node-code',
    5,
    /\brequire\s*\(\s*['"`]\w+['"`]\s*\)|process\.(?:binding|mainmodule|env\b|exit)|\b(?:process|require|globalthis|console)\[|\bconsole\.\w+\.call\b|\bprocess\.spawn\s*\(|main\.constructor\._load|global\.process|\bfunction\s*\(\s*\)\s*\{/,
  ],
]);

export const headerInjection = signatureSet('header-injection', /[\r\n]/, [
  ['split', 5, /[\r\n]\s*(?:set-cookie|location|content-(?:type|length|disposition)|x-[\w-]+|host|transfer-encoding|refresh)\s*:/],
  [
    'mail-command',
    5,
    /\r\n\s*(?:mail from:|rcpt to:|(?:ehlo|helo|vrfy|expn|help|starttls|apop|auth|retr|dele|top|uidl|stat|list)\s+\S|(?:data|quit|rset|noop)\s*(?:\r\n|$)|[a-z]?\d{1,4}\s+(?:examine|select|login|fetch|capability|append|create|delete|list|logout|search|store|uid)\b)/,
  ],
  ['smuggle', 5, /[\r\n]\s*(?:get|post|head|put|delete|http\/\d)[\s/]/],
]);
