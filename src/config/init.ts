// The file that `config init` prints. Everything in it is commented out, so it means the built-in defaults until
// its reader uncomments a line. `## ` explains; a line that begins with a single `# ` is a setting: remove the
// first two characters.

/** A commented starting file. */
export const STARTING_FILE = `## mailctl.yaml: the configuration of mailctl.
## "## " explains. A line that begins with "# " is a setting: remove these two characters to use it.
## Put it to ~/.config/mailctl/mailctl.yaml, or to /etc/mailctl/mailctl.yaml for all users of this machine;
## nobody but root and you may be able to write it. Check it with: mailctl config check
## Durations: 500ms 90s 5m 2h 3d. Local paths: ~/ is your home, relative ones start at this file's folder.

## defaults: for all hosts.
# defaults:
#   ssh:
##    ssh's configuration file, if not ssh's own default; user, port and jump hosts belong there
#     config: ~/.ssh/config
##    how long a connection may take before the host counts as silent
#     connect_timeout: 5s
##    how long a shared connection stays open when nobody uses it
#     control_persist: 60s
##  how to become root on the hosts: false (you are root there), true, or a user name for "sudo -n -u"
#   sudo: false

## hosts: the machines. The name is the word given to ssh. Without any: this machine alone.
# hosts:
#   imap21:
##    any names, for -g; a host may be in many
#     groups: [store]
##    rack or row: hosts that fail together share one
#     location: row-a
##    where to connect if not to the name (ssh's HostName)
#     address: 192.0.2.21
##    ssh, or local for this machine
#     transport: ssh
##    instead of defaults.sudo
#     sudo: false
##    of several replicas, the one on the host of higher preference becomes master first
#     preference: 10
##    how many slots it can be the master of at once
#     max_slots: 15
##    cuts it off for good when failover is told --fence; verify exits 0 when it is off; on: where both run
#     fence: { run: [power-off, "{host}"], verify: [power-is-off, "{host}"], on: mx1, timeout: 30s }
#   imap22: { groups: [store], location: row-b }
##  queues: what has mail waiting there: postfix, exim, mailman3, exec
#   mx1: { groups: [mx], queues: [postfix] }
##  within: words put before every command, for a container
#   lists1: { groups: [lists], queues: [{ driver: mailman3, within: [docker, exec, -i, mailman-core] }] }
##  instance: which of several, by the mail server's own name
#   mx2: { queues: [{ driver: postfix, instance: postfix-out }] }
##  exec: a sender of your own; list prints its queue as mailctl(1) says, the others get ids on stdin
#   out1:
#     queues:
#       - driver: exec
#         process: sender
#         instance: bulk
#         list: [sender, list, --json]
#         hold: [sender, hold]
#         release: [sender, release]
#         requeue: [sender, requeue]
#         flush: [sender, flush]
##        saves them under {run} before it removes them
#         delete: [sender, delete, "{run}", "{expires}", "{max_bytes}"]
#         restore: [sender, restore, "{run}"]

## stores: the mail stores and how they fail over.
# stores:
##  a replica further behind than this is stale, and is not made master unless the loss is accepted by name
#   max_lag: 5m
##  how long the last events of a stopped master may take to reach its replica
#   drain_timeout: 60s
##  events that cannot be sent: whether replication watch sets them aside by itself, how often it sends them again,
##  and who looks after them
#   quarantine: { auto: false, retry: 10m, owner: "mail on call" }
##  room that the disk of a new master must have: a size, or a share such as 5%
#   min_free: 1G
##  a mailbox that every slot has, to prove that people can log in; nobody else may read its password file
#   test_account: { user: probe, password_file: /etc/mailctl/probe.pw }
##  one small message to this mailbox of every slot, by the timer (slots sample): proof of how far the replicas are
#   canary: { user: probe, every: 1m }
##  how addresses of a slot read, to tell whose mail waits on the MXs; and the pace at which it is released
#   recipient: "{user}@{slot}.example.net"
#   release_rate: 20/s
##  how long a failover goes on releasing before it leaves the rest to a later command
#   release_timeout: 10m
##  road: the way that people and mail take, tried by the test account at the end of a failover
##  imap: a login through the frontend, from a host (without it: from here); lmtp: the MX that hands mail over
#   road:
#     imap: { host: imap.example.net, port: 143, user: "{user}@{slot}.example.net", from: mx1 }
#     lmtp: { host: mx1 }
##  Cyrus IMAP. In paths and commands {slot} {instance} {host} {address} {role} are filled in.
#   cyrus:
##    the system user that Cyrus runs as
#     user: cyrus
##    a slot's configdirectory
#     config_dir: /srv/{slot}/conf
##    the two files that its master process is started with
#     imapd_conf: /srv/{slot}/role/imapd.conf
#     cyrus_conf: /srv/{slot}/role/cyrus.conf
##    the pid file of its master process
#     pid_file: /run/cyrus/{slot}.pid
##    role: a symbolic link and what it points to as master, as replica, and (optional) serving read-only
#     role: { link: "/srv/{slot}/role", master: role.master, replica: role.replica, readonly: role.readonly }
##    or the site's own two commands; get prints master, replica or readonly:
##    role: { set: [set-role, "{instance}", "{role}"], get: [get-role, "{instance}"] }
##    start and stop: builtin, or a command as a list of words: [systemctl, start, "cyrus@{instance}"]
#     start: builtin
#     stop: builtin
##    how long a stop may take before SIGKILL: when the master's host is in trouble, and for planned work
#     stop_timeout: 15s
#     planned_stop_timeout: 120s
##    an administrator of Cyrus, to compare what master and replica hold
#     admin: { user: cyrus, password_file: /etc/mailctl/cyrus.pw }

## directory: who is master of a slot, said to the whole site. Without it: the state database.
# directory:
##  url: a database of mailctl's own
#   url: "sqlite:/var/lib/mailctl/mailctl.db"
##  or a server that several operators share; its password is in a file of its own, or in ~/.pgpass
##  url: "postgres://mailctl@db1,db2/mailctl"
##  password_file: /etc/mailctl/db.pw
##  or the site's own, three commands; set must compare and set, and exits 3 when the master was not {from}:
##  list: [slot-list]
##  get: [slot-get, "{slot}"]
##  set: [slot-set, "{slot}", "{from}", "{to}", "{state}"]
##  users: prints the users of a slot, one a line, so that a replay brings back nobody who is gone
#   users: [list-users, "{slot}"]
##  moves: users on the way between slots (user, from, to, state): a command, a file, or a table of the database
#   moves: { command: [list-moves] }
##  moves: { file: /var/lib/site/moves.tsv }
##  moves: { table: user_moves }
##  hooks: told after the directory has changed, per slot ({slot} {from} {to} {run}) or once per run ({run})
##  host: where it runs, without it: here; run: the command; timeout: how long it may take
#   hooks: [{ host: mx1, run: [reload-lmtp, "{slot}", "{to}"], per: slot, timeout: 30s }]

## state: samples, and the slot map where the site has no directory of its own. Without it: the state directory.
## A file, or a server as above.
# state:
#   url: "sqlite:/var/lib/mailctl/mailctl.db"

## destinations: mailbox providers as they see themselves, with what they take.
# destinations:
#   gmail:
##    recipient domains, and the MX hosts behind which others' domains count as well
#     domains: [gmail.com, googlemail.com]
#     mx: ["*.google.com", "*.googlemail.com"]
##    connections at once, and messages per second (50/s) or minute (3000/m)
#     connections: 20
#     rate: 100/s

## uplinks: ways to the network, to look from: a host with a source address or an interface of its own.
# uplinks:
#   cogent: { host: mx1, source: 192.0.2.10 }
##  an address of each family is a list; drop: takes it out of use, printed by probe and never run by it
#   level3: { host: mx1, source: [198.51.100.10, "2001:db8:b::10"], drop: [drop-uplink, "{uplink}"] }
#   telia: { host: mx1, interface: eth2 }

## probe: what probe dns asks about without a domain: those that we send from; and block lists for our addresses.
# probe:
#   domains: [example.net]
#   blocklists: [zen.spamhaus.org]

## deliveries: mailboxes of our own that probe delivery sends a message to and looks into.
# deliveries:
#   gmail:
#     to: probe@gmail.example
#     from: probe@example.net
##    host that hands it over, and to which server as that host sees it
#     host: mx1
#     server: "127.0.0.1:25"
##    TLS with a good certificate always, but for a server on the host itself; from: host to look from
#     imap: { server: "imap.gmail.example:993", user: probe@gmail.example, password_file: /etc/mailctl/probe.pw }
#     timeout: 60s

## queue: acts on messages (queue hold, release, requeue, flush, delete, restore, drain).
# queue:
##  more messages than this are confirmed by typing their number
#   confirm_above: 1000
##  how long deleted messages are kept on their host, and the bytes that they may take there
#   keep_deleted: 7d
#   keep_at_most: 1G
##  envelope senders whose mail a drain lets go before, and after, other mail of its destination; "<>": bounces
#   drain_first: ["*@alerts.example.net"]
#   drain_last: ["news@*"]

## config_group: in a root-owned /etc/mailctl/mailctl.yaml, the group whose members may write configurations.
# config_group: mailops
`;
