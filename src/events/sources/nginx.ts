import { logFormatSource } from '../log-format.ts';

export const nginxCombined = logFormatSource('nginx-combined', {
  dialect: 'nginx',
  format: '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"',
});

/** The `main` format of the packaged configuration. */
export const nginxMain = logFormatSource('nginx-main', {
  dialect: 'nginx',
  format: '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for"',
});
