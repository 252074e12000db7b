import { signatureSet } from './signature.ts';

/** Path traversal and local file reading. Single `../` of sloppy crawlers in a path is worth less than in a parameter: see score.ts. */
export const files = signatureSet(
  'path-traversal',
  /\.\.|\.\/|\.\\|\/\/\.|etc|0x2e|win|inf|\.ini|proc\/|\/sys\/|\.ssh|passwd|\.htaccess|[a-z]:[\\/]|\.{3}|file:|\{file|aaaaa|global\.asa|(?:^|\/)\.[a-z]|\.sql\b|\/@fs\/|debug\.log|errors?\.log|\/proc\//,
  [
    ['dot-dot-chain', 5, /(?:\.{2,}[/\\]+){2,}|(?:[/\\]+\.{2,}){2,}/],
    ['dot-dot', 4, /(?:^|[^.\w])\.{2,}[/\\]|[/\\]\.{2,}(?:[/\\]|$|\W|[a-z])/],
    ['dot-dot-odd', 5, /(?:^|[/\\=])\.\.[;\\]/],
    ['dot-dot-code', 5, /(?:0x2e|%2e|%c0%ae|%uff0e|\\x2e){2}|\.\.(?:0x2f|0x5c|%2f|%5c|%c0%af|%c1%9c|%u2215|%u2216|%252f|%255c)/],
    ['dot-slash-chain', 5, /(?:\/\.){3,}\/?|(?:\.[/\\]{1,3}){3,}|(?:\/\.\/+){2,}|^\/\.\/(?:\.|$)|(?:\/+\.\/+\.\.)|(?:\.{2,}[/\\]+){2}/],
    ['dot-run', 5, /\.{6,}(?:[/\\]|etc|web-inf|boot|win|\{|$|[a-z])/],
    [
      'unix-file',
      5,
      /(?:\/|\.|^)etc[/\\]*(?:passwd|shadow|group|hosts|issue|motd|mysql|my\.cnf|ssh|sudoers|crontab|fstab|apache2?|nginx|httpd|php)\b|etcpasswd|\/proc\/(?:self|\d+|version|cpuinfo|mounts)|\/var\/(?:log|www|lib)\/|^\/sys\/(?:class|kernel|devices)|(?:^|\/)\.ssh\/id_|\/root\/\.|\/\.ssh\/|\.bash_history|\bid_rsa\b/,
    ],
    [
      'windows-file',
      5,
      /\b(?:boot|win|system|php|my)\.ini\b|windows[/\\]*(?:system32|win\.ini|repair)|[c-e]:[/\\]*(?:windows|winnt|boot|inetpub|users|xampp)|\bwinnt[/\\]/,
    ],
    [
      'application-file',
      5,
      /\b(?:web|meta)-inf(?:\b|web)|\bweb\.config\b|\bglobal\.asax?\b|(?:^|[=/\\])\.ht(?:access|passwd)\b|wp-config\.php|\/\.git\/(?:config|head|index)|application\.(?:properties|ya?ml)$/,
    ],
    [
      'hidden-file',
      5,
      /(?:^|\/)\.(?:env|git(?:ignore|config|-credentials)?|svn|hg|bzr|aws|azure|gcloud|kube|docker(?:cfg|env|ignore)?|ssh|gnupg|npmrc|yarnrc|pypirc|netrc|pgpass|my\.cnf|bashrc|profile|(?:bash_|zsh_|mysql_|psql_)?history|ds_store|vscode|idea|terraform|vault|ansible|chef|(?:ai|cursor|claude)ignore|(?:claude|cursor|continue|aider|codex|windsurf|copilot|gemini|opencode|cline|roo|zed|kiro|junie|rovodev|plandex|fabric|n8n|a0proj))(?:[/.]|$)/,
    ],
    [
      'left-over',
      5,
      /(?:^|[/=])[\w-]*(?:backup|dump|database|db)[\w-]*\.sql(?:\.\w{2,3})?$|\/(?:wp-content|storage\/logs|var)\/[\w/-]*(?:debug|errors?|laravel)\.log$|\/@fs\/|\/proc\/(?:interrupts|net\/\w+|mounts|kallsyms|sched_debug)|\/sys\/(?:class|kernel|devices)\b/,
    ],
    ['fuzz-template', 5, /\{(?:file|filename|path)\}/],
    ['file-scheme', 5, /\bfile:\/{1,3}/],
    ['long-prefix', 5, /^\/a{60,}/],
    ['null-tail', 4, /\.\w{2,5}\x00|%00\.\w{2,5}$/],
  ],
);
