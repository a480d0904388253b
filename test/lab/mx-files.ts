/**
 * mx1's disk: Postfix unpacked into the host's own root, configured to ask the directory for every recipient
 * and to try again soon, since tests wait for it.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { Account } from './accounts.js';
import { hostFile } from './hostfile.js';
import { hasPostfix, unpackPostfix } from './packages.js';
import { hostAddress, type Lab, mailDomain } from './spec.js';

const routePort = 2527;
/** The machine may run a Postfix of its own: its queue would show through the overlay. */
const spool = fs.existsSync('/var/spool/postfix') ? '/var/spool/lab-postfix' : '/var/spool/postfix';
const data = fs.existsSync('/var/lib/postfix') ? '/var/lib/lab-postfix' : '/var/lib/postfix';

/** Writes everything that makes a host an MX. */
export async function writePostfix(
  lab: Lab,
  upper: string,
  ids: ReadonlyMap<string, Account>,
  say: (line: string) => void,
): Promise<void> {
  if (!hasPostfix()) await unpackPostfix(upper, say);
  const put = (file: string, text: string, mode = 0o644) => {
    fs.mkdirSync(path.dirname(path.join(upper, file)), { recursive: true });
    fs.writeFileSync(path.join(upper, file), text, { mode });
  };
  // Programs that look for the old place must find the same sendmail.
  fs.mkdirSync(path.join(upper, 'usr/lib'), { recursive: true });
  fs.rmSync(path.join(upper, 'usr/lib/sendmail'), { force: true });
  fs.symlinkSync('../sbin/sendmail', path.join(upper, 'usr/lib/sendmail'));
  put('etc/postfix/main.cf', mainCf());
  put('etc/postfix/master.cf', masterCf);
  put('usr/local/lib/lab/route.pl', hostFile('route.pl'));
  put('etc/lab/routes', routes(lab));
  put('var/log/mail.log', '');
  put('usr/local/sbin/lab-services', hostFile('mx-services.sh'), 0o755);
  const postfix = ids.get('postfix')?.uid ?? 0;
  const postdrop = ids.get('postdrop')?.gid ?? 0;
  const folder = (name: string, owner: number) => {
    fs.mkdirSync(path.join(upper, name), { recursive: true, mode: 0o755 });
    fs.chownSync(path.join(upper, name), owner, 0);
  };
  folder(spool, 0);
  folder(data, postfix);
  for (const tool of ['usr/sbin/postdrop', 'usr/sbin/postqueue']) {
    const file = path.join(upper, tool);
    if (!fs.existsSync(file)) continue;
    fs.chownSync(file, 0, postdrop);
    fs.chmodSync(file, 0o2755);
  }
}

/** Where each slot's LMTP is on each host: the directory says only which host. */
function routes(lab: Lab): string {
  return lab.slots
    .flatMap((slot) => slot.instances)
    .map((one) => `${one.slot} ${one.host} ${one.address} ${one.lmtpPort}\n`)
    .join('');
}

function mainCf(): string {
  return `compatibility_level = 3.6
queue_directory = ${spool}
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
data_directory = ${data}
mail_owner = postfix
setgid_group = postdrop
maillog_file = /var/log/mail.log
myhostname = mx1.${mailDomain}
myorigin = ${mailDomain}
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
relay_domains = ${mailDomain}
parent_domain_matches_subdomains = relay_domains
transport_maps = tcp:127.0.0.1:${routePort}
mynetworks = 127.0.0.0/8 198.51.100.0/24
inet_interfaces = 127.0.0.1, ${hostAddress.mx1}
inet_protocols = ipv4
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_dns_support_level = disabled
smtp_host_lookup = native
notify_classes =
# Mail that could not be delivered for a moment is tried again soon.
queue_run_delay = 5s
minimal_backoff_time = 5s
maximal_backoff_time = 10s
transport_retry_time = 5s
# A store that died in the middle of a delivery does not keep its mail for minutes.
lmtp_connect_timeout = 3s
lmtp_lhlo_timeout = 10s
lmtp_mail_timeout = 10s
lmtp_rcpt_timeout = 10s
lmtp_data_init_timeout = 10s
lmtp_data_xfer_timeout = 10s
lmtp_data_done_timeout = 10s
lmtp_quit_timeout = 5s
lmtp_rset_timeout = 5s
`;
}

// smtpd asks a rewrite service of its own, without the transport map: it refuses recipients that the map sends
// to `retry`, but mail for a slot that moves is to be accepted and tried again later.
const masterCf = `smtp      inet  n - n - -    smtpd -o rewrite_service_name=rewrite-smtpd
rewrite-smtpd unix - - n - - trivial-rewrite -o transport_maps=
pickup    unix  n - n 60 1   pickup
cleanup   unix  n - n - 0    cleanup
qmgr      unix  n - n 300 1  qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - -    trivial-rewrite
bounce    unix  - - n - 0    bounce
defer     unix  - - n - 0    bounce
trace     unix  - - n - 0    bounce
verify    unix  - - n - 1    verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - -    proxymap
proxywrite unix - - n - 1    proxymap
smtp      unix  - - n - -    smtp
relay     unix  - - n - -    smtp
showq     unix  n - n - -    showq
error     unix  - - n - -    error
retry     unix  - - n - -    error
discard   unix  - - n - -    discard
lmtp      unix  - - n - -    lmtp
anvil     unix  - - n - 1    anvil
scache    unix  - - n - 1    scache
postlog   unix-dgram n - n - 1 postlogd
`;
