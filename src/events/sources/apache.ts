import { logFormatSource } from '../log-format.ts';

export const apacheCombined = logFormatSource('apache-combined', {
  dialect: 'apache',
  format: '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i"',
});

export const apacheCommon = logFormatSource('apache-common', { dialect: 'apache', format: '%h %l %u %t "%r" %>s %b' });

/** Debian’s vhost_combined. */
export const apacheVhostCombined = logFormatSource('apache-vhost-combined', {
  dialect: 'apache',
  format: '%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"',
});

/** The same with fields after it that nobody declared, and with either size. */
export const apacheVhostExtended = logFormatSource('apache-vhost-extended', {
  dialect: 'apache',
  format: '%v:%p %h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %{rest}e',
});

/** Combined with fields after it that nobody declared: they are kept as one text in `extra.rest`. */
export const combinedExtended = logFormatSource('combined-extended', {
  dialect: 'apache',
  format: '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i" %{rest}e',
});
