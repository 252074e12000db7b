import { signatureSet } from './signature.ts';

/** A tag with blanks between its letters. */
const spaced = ['script', 'form', 'iframe', 'object', 'embed', 'dialog', 'applet'].map(w => `(?!<${w})<[\\s:\\w]{0,6}?${[...w].join('\\s+')}`).join('|');

export const xss = signatureSet('xss', /[<>"'(`]|\+ad|&\{|script|data:|expression|&#|on\w+\s*=|@import/, [
  ['script-tag', 5, /<\s*\/?\s*script\b|<script|\bscript(?:alert|document)\b/],
  [
    'active-tag',
    5,
    /<\s*\/?\s*(?:iframe|frameset|frame|object|embed|applet|svg|math|xml|xss|bgsound|layer|ilayer|isindex|marquee|meta|base|link|style|html|body|noscript|plaintext|listing|keygen|template|portal)\b/,
  ],
  [
    'markup-with-attribute',
    5,
    /<\s*[a-z][\w:-]*(?:[\s/+"']+[^<>]{0,200}?)\b(?:src|href|lowsrc|dynsrc|background|style|data|action|formaction|xlink:href|srcdoc|poster|datasrc|code|codebase)\s*=/,
  ],
  [
    'event-handler',
    5,
    /(?:^|[\s"'/;<+\x0c])on(?:abort|animation\w*|before\w+|blur|canplay\w*|change|click|contextmenu|copy|cut|dblclick|drag\w*|drop|end|error|focus\w*|hashchange|input|invalid|key\w+|load\w*|message|mouse\w+|page\w+|paste|pointer\w+|popstate|propertychange|readystatechange|reset|resize|scroll|search|seek\w+|select\w*|show|start|submit|toggle|touch\w+|transition\w*|unload|wheel)\s*=/,
  ],
  ['any-handler', 4, /(?:^|[\s"'/;<])on[a-z]{5,60}\s*=\s*\S/],
  ['script-scheme', 5, /(?:java|vb|live)\s*script\s*:|\bj\s*a\s*v\s*a\s*s\s*c\s*r\s*i\s*p\s*t\s*:/],
  ['data-html', 5, /data\s*:\s*(?:text\/html|image\/svg\+xml|application\/x?html|text\/javascript)/],
  [
    'css-code',
    5,
    /\bexpression\s*\(|expr\/\*.*?\*\/ession|:expression\w*\(?|\bexpression\d|-moz-binding|behaviou?r\s*:\s*url|@import\s*['"]|\bbinding\s*:\s*url/,
  ],
  [
    'dom-access',
    5,
    /\b(?:document\s*\.\s*(?:cookie|write(?:ln)?|location|domain|body|createelement|getelement)|window\s*\.\s*(?:location|open|name|onerror)|location\s*\.\s*(?:href|replace|hash)\s*[=(]|localstorage\s*\.|string\s*\.\s*fromcharcode|string\[['"]fromcharcode|\.innerhtml\s*=|\.constructor\s*\()/,
  ],
  ['dialog-call', 5, /\b(?:alert|prompt|confirm)\s*(?:\(|`|\/\*)/],
  ['script-function', 4, /\b(?:eval|settimeout|setinterval|atob|unescape|fetch|importscripts|function)\s*\(\s*['"`\w]/],
  ['spaced-tag', 5, new RegExp(`${spaced}|<\\s+\\w\\s*:\\s*script`)],
  ['style-script', 5, /\burl\s*\(\s*(?:java|vb)script/],
  ['attribute-code', 5, /["'](?:\s|\/)*(?:formaction|srcdoc|onzoom)\s*=/],
  ['borrowed-call', 5, /\.\s*(?:\/\*.{0,40}?\*\/\s*)?(?:call|apply|bind)\s*`/],
  ['timer-code', 5, /\bset(?:interval|timeout)\s*\(\s*["'`\w]+\s*,\s*\d|\beval\s*\(\s*["'`]|^\s*(?:atob|btoa)\s*\(/],
  ['utf7-tag', 5, /\+adw-/],
  ['data-markup', 5, /\bdata\s*:[^<\s]{0,40}\s*,\s*<\s*\w/],
  ['break-out', 4, /['"`]\s*\/?\s*>|['"]\s*;\s*\/\/|\*\/\s*</],
  ['any-tag', 3, /<\s*\/?\s*[a-z!?][a-z0-9:]*(?:\s|>|\/|=|$)/],
  [
    'html-tag',
    2,
    /<\s*\/?\s*(?:a|b|i|u|p|br|hr|div|span|img|table|td|tr|th|input|form|button|select|textarea|option|video|audio|source|details|summary|font|center|h[1-6]|ul|li|label|fieldset)\b/,
  ],
  ['declaration', 4, /<!\s*(?:doctype|entity|attlist|\[cdata\[)|<\?\s*(?:xml|import)/],
  ['entity-code', 3, /(?:&#x?[0-9a-f]{2,6};?){3,}/],
  ['script-entity', 5, /&\{[^}]{0,60}\}|&\d{2};\s*javascript/],
  ['template-literal', 3, /\$\{\s*(?:alert|prompt|confirm|document|window)\b/],
  ['tag-close-tail', 3, /\)\s*;?\s*['"]?\s*(?:\/\/)?\s*<?\s*\/?\s*>/],
]);
